# A guest of 510 bytes: it dirties memory in a pattern that shows which pass wrote each page (images/README.md).
# Needs no interrupt, no BIOS call, and of the machine only memory and COM1.

.set FIRST_SEGMENT, 0x2000      # the stretch: physical 0x20000 …
.set END_SEGMENT,   0x9000      # … to 0x8ffff
.set PAGE_SEGMENTS, 0x100       # 4 KiB in units of 16 bytes
.set PAGE_WORDS,    1024
.set COUNT_SEGMENT, 0x1000      # the count of pages written whole is just before the stretch …
.set COUNT,         0xfffc      # … at physical 0x1fffc
.set PAGE_LAST,     4092        # the last 32-bit word of a page
.set ZERO_MASK,     7           # one page in eight is zeroed in each pass
.set STACK_TOP,     0x7000
.set FIRST_PAGE,    0x500       # the generation is also in memory's first page, in a word that the BIOS leaves free …
.set LAST_WORD,     0xfffffc    # … and in the last word of 16 MiB
.set COM1_DATA,     0x3f8
.set COM1_STATUS,   0x3fd
.set RECEIVED,      0x01
.set SENT,          0x20
.set TIMER,         0x40        # counter 0 of the PIT: down from 65535 at 1193182 Hz
.set TIMER_COMMAND, 0x43
.set TIMER_CYCLIC,  0x34        # counter 0, mode 2, two bytes
.set TIMER_LATCH,   0x00
.set LINE_INTERVAL, 11932       # 10 ms

.code16
.globl _start
_start:
        cli
        cld
        ljmp    $0, $main               # some BIOSes start at 07c0:0000
main:
        xorw    %ax, %ax
        movw    %ax, %ss
        movw    $STACK_TOP, %sp
        movw    $COUNT_SEGMENT, %ax
        movw    %ax, %ds
        xorl    %ebp, %ebp              # the generation

        lgdtl   %cs:table               # %gs of base 0 gets a limit of 4 GiB, and keeps it in real mode
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        movw    $8, %bx
        movw    %bx, %gs
        andb    $0xfe, %al
        movl    %eax, %cr0
        xorw    %bx, %bx
        movw    %bx, %gs

        movw    $FIRST_SEGMENT, %bx     # what the BIOS left
clear:
        call    zero_page
        cmpw    $END_SEGMENT, %bx
        jne     clear
        movl    $0, COUNT

        movb    $TIMER_CYCLIC, %al
        outb    %al, $TIMER_COMMAND
        xorw    %ax, %ax
        outb    %al, $TIMER
        outb    %al, $TIMER
        movw    %ax, %fs                # the time of the last line, since no memory may keep it

pass:
        incl    %ebp
        movw    $FIRST_SEGMENT, %bx
        movw    %bp, %si                # index + generation, of which the low bits count
page:
        testw   $ZERO_MASK, %si
        jz      zero
        movw    %bx, %es
        movl    %ebp, %es:0
        movl    %ebp, %es:PAGE_LAST
        addw    $PAGE_SEGMENTS, %bx
        jmp     written
zero:
        call    zero_page
written:
        incl    COUNT
        incw    %si
        cmpw    $END_SEGMENT, %bx
        jne     page
        movl    %ebp, %gs:FIRST_PAGE
        movl    $LAST_WORD, %edi
        addr32 movl %ebp, %gs:(%edi)

        movb    $TIMER_LATCH, %al
        outb    %al, $TIMER_COMMAND
        inb     $TIMER, %al
        movb    %al, %ah
        inb     $TIMER, %al
        xchgb   %al, %ah
        movw    %fs, %cx
        subw    %ax, %cx                # it counts down
        cmpw    $LINE_INTERVAL, %cx
        jb      command
        movw    %ax, %fs
        call    print_generation

command:
        movw    $COM1_STATUS, %dx
        inb     %dx, %al
        testb   $RECEIVED, %al
        jz      pass
        movw    $COM1_DATA, %dx
        inb     %dx, %al
        cmpb    $'q', %al
        jne     pass
        movb    $'Q', %al
        call    print
        call    print_generation

quiet:                                  # no memory is written here, the stack included
        movw    $COM1_STATUS, %dx
        inb     %dx, %al
        testb   $RECEIVED, %al
        jz      quiet
        movw    $COM1_DATA, %dx
        inb     %dx, %al
        cmpb    $'g', %al
        jne     quiet
        jmp     pass

zero_page:                              # at segment %bx, which goes on to the next; destroys %eax, %cx, %di, %es
        movw    %bx, %es
        xorw    %di, %di
        xorl    %eax, %eax
        movw    $PAGE_WORDS, %cx
        rep stosl
        addw    $PAGE_SEGMENTS, %bx
        ret

print_generation:                       # %ebp as 8 hex digits and a newline; destroys %eax, %cx, %dx
        movw    $8, %cx
digit:
        roll    $4, %ebp
        movw    %bp, %ax
        andb    $15, %al
        cmpb    $10, %al
        sbbb    $0x69, %al              # with das: 0-15 to the digits of ASCII …
        das
        orb     $0x20, %al              # … in lower case
        call    print
        loop    digit
        movb    $'\n', %al
        # falls through

print:                                  # %al; destroys %ah, %dx
        movb    %al, %ah
        movw    $COM1_STATUS, %dx
unsent:
        inb     %dx, %al
        testb   $SENT, %al
        jz      unsent
        movb    %ah, %al
        movw    $COM1_DATA, %dx
        outb    %al, %dx
        ret

descriptors:
        .quad   0, 0x00cf92000000ffff   # none, and data of 4 GiB from 0 on
table:
        .word   table - descriptors - 1
        .long   descriptors

.org 510
.word 0xaa55
