import { relative } from "node:path";

/** A service or a database that a test opened and must close. */
type OpenResource = { readonly name: string; readonly close: () => Promise<unknown> };

/** The resources of this process that are not closed yet. */
const open = new Set<OpenResource>();
/** The resources that were open when the current test began. Its suites' hooks close these. */
let openBefore = new Set<OpenResource>();
/** Descriptions of the resources that passing tests of the current file left open. */
let forgotten: string[] = [];

/** Registers a resource, which the hooks close at the end. Returns a function that unregisters it. */
export function trackOpen(name: string, close: () => Promise<unknown>): () => void {
  const resource = { name, close };
  open.add(resource);
  return () => void open.delete(resource);
}

/**
 * Close what a test opened when the test ends, and the rest when the file ends (without --parallel: when
 * all files have ended). A file whose tests pass and leave something open fails.
 */
export const mochaHooks = {
  beforeEach() {
    openBefore = new Set(open);
  },
  async afterEach(this: Mocha.Context) {
    this.timeout(30_000);
    const { currentTest } = this;
    const left = await closeAll([...open].filter((resource) => !openBefore.has(resource)));
    // A failed test did not reach the statements that close.
    if (left.length > 0 && currentTest?.isPassed()) {
      forgotten.push(`${left.join(", ")}, by "${currentTest.fullTitle()}"`);
    }
  },
  async afterAll(this: Mocha.Context) {
    this.timeout(30_000);
    const left = await closeAll([...open]);
    const all = left.length > 0 ? [...forgotten, left.join(", ")] : forgotten;
    forgotten = [];
    const suite = this.test?.parent;
    if (all.length === 0 || hasFailures(suite)) return;
    throw new Error(`${fileOf(suite)} left open: ${all.join("; ")}`);
  },
};

/** Ends mocha with an error, naming the open resources, when it has not ended 10 s after all tests. */
export function mochaGlobalTeardown(): void {
  const report = () => {
    const resources = process.getActiveResourcesInfo().join(", ");
    process.stderr.write(`All tests are done, but the process does not end. Open: ${resources}\n`);
    process.exit(1);
  };
  setTimeout(report, 10_000).unref();
}

/** Closes in reverse order, since a service uses its database. Returns the names. */
async function closeAll(resources: readonly OpenResource[]): Promise<string[]> {
  for (const resource of resources.toReversed()) {
    open.delete(resource);
    // Continue with the others. The error of the test itself is reported.
    await resource.close().catch(() => {});
  }
  return resources.map(({ name }) => name);
}

function fileOf(suite: Mocha.Suite | undefined): string {
  return relative(process.env.LLMPRICES_TEST_BUILD ?? "", suite?.suites[0]?.file ?? "");
}

function hasFailures(suite: Mocha.Suite | undefined): boolean {
  let failures = 0;
  suite?.eachTest((test) => {
    if (test.isFailed()) failures += 1;
  });
  return failures > 0;
}
