"""What pytest loads for every suite here."""

pytest_plugins = [
    "fixtures.collection",
    "fixtures.settings",
    "fixtures.doctor",
    "fixtures.markers",
    "fixtures.claims",
    "fixtures.controls",
    "fixtures.failures",
    "fixtures.order",
    "fixtures.plan",
    "fixtures.report",
    "fixtures.lab",
    "fixtures.pair",
    "fixtures.bench",
    "fixtures.verdicts",
    "fixtures.soak",
    "fixtures.audit",
    "fixtures.kills",
    "fixtures.usage",
    "fixtures.interrupt",
    "pytester",
]
