import { readFileSync } from "node:fs";

// A test falls into the first category that matches. AssertionErrors arrive as "failed", every other
// exception as "broken" (docs: architecture, rule 1); a message starts with the exception's full name.
const name = (...names) => new RegExp(`^(?:[\\w.]+\\.)?(?:${names.join("|")})\\b`);

// What differs from report to report; a result tells by a label which environment it was made in.
const { environments = {}, ...told } = JSON.parse(readFileSync(process.env.COLO_REPORT, "utf8"));
const madeIn = (wanted) => ({ labels }) => labels.some(({ name, value }) => name === "environment" && value === wanted);
const described = ([id, one]) => [id, { ...one, matcher: madeIn(one.name) }];

export default {
  ...told,
  name: "QEMU COLO conformance",
  environments: Object.fromEntries(Object.entries(environments).map(described)),
  hideLabels: ["host", "thread", "framework", "language", "package", "parentSuite", "suite", "environment"],
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
