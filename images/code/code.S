# A boot sector that says one letter on COM1, again and again, from code elsewhere in memory. A byte that comes in on COM1
# is put into that code and is what it says from then on.
.code16
.globl _start
.set ROUTINE, 0x9000
.set DATA, 0x3f8
.set STATUS, 0x3fd

_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7000, %sp
    cld
    mov $routine, %si
    mov $ROUTINE, %di
    mov $(end - routine), %cx
    rep movsb
again:
    mov $STATUS, %dx
    in %dx, %al
    test $1, %al
    jz say
    mov $DATA, %dx
    in %dx, %al
    movb %al, ROUTINE + 1       # the operand of routine's first instruction
say:
    mov $ROUTINE, %bx
    call *%bx
    mov $0x4000, %cx
pause:
    loop pause
    jmp again

routine:
    mov $'A', %al
    mov $DATA, %dx
    out %al, %dx
    mov $'\n', %al
    out %al, %dx
    ret
end:
    .org 510
    .word 0xaa55
