import { relative } from "node:path";

/** What a test has opened, and must close: a service or a database. */
type OpenResource = { readonly name: string; readonly close: () => Promise<unknown> };

/** Not closed yet, over all files of this process. */
const open = new Set<OpenResource>();
/** What was open when the running test began: the hooks around it close that. */
let openBefore = new Set<OpenResource>();
/** What tests that passed, and the hooks of their files, have left open. */
let forgotten: string[] = [];

/** Has `close` called when the test or the file ends, unless the function returned is called first. */
export function trackOpen(name: string, close: () => Promise<unknown>): () => void {
  const resource = { name, close };
  open.add(resource);
  return () => void open.delete(resource);
}

/** For each file when files run side by side; otherwise `afterAll` runs once, after all files. */
export const mochaHooks = {
  beforeEach() {
    openBefore = new Set(open);
  },
  async afterEach(this: Mocha.Context) {
    this.timeout(30_000);
    const { currentTest } = this;
    const left = await closeAll([...open].filter((resource) => !openBefore.has(resource)));
    // A test that failed did not come to its own end.
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

/** Ends the process of mocha, and names what keeps it alive, when it does not end after all tests. */
export function mochaGlobalTeardown(): void {
  const report = () => {
    const resources = process.getActiveResourcesInfo().join(", ");
    process.stderr.write(`All tests are done, but the process does not end. Open: ${resources}\n`);
    process.exit(1);
  };
  setTimeout(report, 10_000).unref();
}

/** Closes the last that was opened first, since a service uses its database; returns the names. */
async function closeAll(resources: readonly OpenResource[]): Promise<string[]> {
  for (const resource of resources.toReversed()) {
    open.delete(resource);
    // All others are still to be closed, and the test's own error is the one to see.
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
