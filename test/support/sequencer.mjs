import Sequencer from "@jest/test-sequencer";

/**
 * Suites that mostly wait for processes come first, so that at the end no worker is left alone with them. jest itself goes by what
 * it remembers of durations, and a clean checkout remembers nothing.
 */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) =>
      LONG.findIndex((folder) => path.replaceAll("\\", "/").includes(folder)) + 1 ||
      LONG.length + 1;
    return super.sort(tests).toSorted((a, b) => rank(a) - rank(b));
  }
}

const LONG = [
  "/test/e2e/crash",
  "/test/e2e/",
  "/functions/orchestrations/",
  "/agent/agent",
  "/test/api/",
];
