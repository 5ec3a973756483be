import { relative } from "node:path";

/** A service or a database that a test opened and must close. */
type OpenResource = { readonly name: string; readonly close: () => Promise<unknown> };

/** The open resources of all files of this process. */
const open = new Set<OpenResource>();
/** The resources that were open when the running test began. Hooks of its suite close them. */
let openBefore = new Set<OpenResource>();
/** Descriptions of resources that passed tests left open. */
let forgotten: string[] = [];

/** Calls `close` when the test or the file ends. The returned function cancels that. */
export function trackOpen(name: string, close: () => Promise<unknown>): () => void {
  const resource = { name, close };
  open.add(resource);
  return () => void open.delete(resource);
}

/** mocha runs `afterAll` after each file when files run in parallel, otherwise once after all files. */
export const mochaHooks = {
  beforeEach() {
    openBefore = new Set(open);
  },
  async afterEach(this: Mocha.Context) {
    this.timeout(30_000);
    const { currentTest } = this;
    const left = await closeAll([...open].filter((resource) => !openBefore.has(resource)));
    // A failed test may not have reached the lines that close its resources.
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

/** Ends mocha's process if it is still alive 10 s after all tests, and prints what keeps it alive. */
export function mochaGlobalTeardown(): void {
  const report = () => {
    const resources = process.getActiveResourcesInfo().join(", ");
    process.stderr.write(`All tests are done, but the process does not end. Open: ${resources}\n`);
    process.exit(1);
  };
  setTimeout(report, 10_000).unref();
}

/** Closes resources in reverse order, because a service uses its database. Returns the names. */
async function closeAll(resources: readonly OpenResource[]): Promise<string[]> {
  for (const resource of resources.toReversed()) {
    open.delete(resource);
    // Ignore the error: the other resources must be closed too, and the test's own error matters.
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
