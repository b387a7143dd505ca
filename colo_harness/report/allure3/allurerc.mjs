// A test falls into the first category that matches. AssertionErrors arrive as "failed", every other
// exception as "broken" (docs: architecture, rule 1); a message starts with the exception's full name.
const name = (...names) => new RegExp(`^(?:[\\w.]+\\.)?(?:${names.join("|")})\\b`);

export default {
  name: "QEMU COLO conformance",
  hideLabels: ["host", "thread", "framework", "language", "package", "parentSuite"],
  plugins: {
    awesome: {
      options: {
        singleFile: true,
        reportLanguage: "en",
        groupBy: ["epic", "feature", "story"],
      },
    },
  },
  categories: [
    {
      name: "Product: no pair enters COLO",
      matchers: { statuses: ["failed"], message: name("StartupFailed", "NotTried") },
      groupByMessage: true,
    },
    { name: "Product: a promise is broken", matchers: { statuses: ["failed"] } },
    { name: "Undecided: the history does not tell", matchers: { statuses: ["broken"], message: name("Undecided") } },
    {
      name: "Machine: a right, a tool or space is missing",
      matchers: { statuses: ["broken"], message: name("MachineError", "CacheError") },
    },
    { name: "Control: a sabotage went unnoticed", matchers: { statuses: ["broken"], message: name("ControlFailed") } },
    { name: "Harness: our own fault", matchers: { statuses: ["broken", "unknown"] } },
    { name: "Known: expected to fail", matchers: { statuses: ["skipped"], message: /^XFAIL/ } },
    {
      name: "Machine: it lacks what the test needs",
      matchers: { statuses: ["skipped"], message: /^Skipped: needs / },
      groupByMessage: true,
    },
    { name: "Not tried", matchers: { statuses: ["skipped"] }, groupByMessage: true },
  ],
};
