/** What a test has opened, and must close: services and databases. */
type OpenResource = { readonly name: string; readonly close: () => Promise<unknown> };

const open = new Set<OpenResource>();
/** What was open when the running test began: the hooks around it close that. */
let openBefore = new Set<OpenResource>();
/** What tests that passed have left open. */
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
    if (currentTest?.isPassed()) {
      forgotten.push(...left.map((name) => `${name}, by "${currentTest.fullTitle()}"`));
    }
  },
  async afterAll(this: Mocha.Context) {
    this.timeout(30_000);
    forgotten.push(...(await closeAll([...open])));
    const names = forgotten;
    forgotten = [];
    if (names.length > 0 && !hasFailures(this.test?.parent)) {
      throw new Error(`left open when its test or file had ended: ${names.join("; ")}`);
    }
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
    await resource.close();
  }
  return resources.map(({ name }) => name);
}

function hasFailures(suite: Mocha.Suite | undefined): boolean {
  let failures = 0;
  suite?.eachTest((test) => {
    if (test.isFailed()) failures += 1;
  });
  return failures > 0;
}
