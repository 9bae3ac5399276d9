/** @type {import("jest").Config} */
export default {
  testEnvironment: "node",
  roots: [
    "<rootDir>/functions",
    "<rootDir>/agent",
    "<rootDir>/shared",
    "<rootDir>/local",
    "<rootDir>/scripts",
    "<rootDir>/test",
  ],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        swcrc: false,
        sourceMaps: "inline",
        jsc: { target: "es2024", parser: { syntax: "typescript" } },
        module: { type: "es6" },
      },
    ],
  },
  testSequencer: "<rootDir>/test/support/sequencer.mjs",
  // Real parts on a busy machine: what hangs is found all the same.
  testTimeout: 120_000,
  // Whole rounds wait for processes and leases a good part of their time: one worker more than the two cores that CI has.
  maxWorkers: 3,
};
