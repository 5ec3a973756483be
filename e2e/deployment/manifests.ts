import { parseAllDocuments } from "yaml";
import { outputOf } from "../third-party/command.js";

/** A Kubernetes object of any kind. */
export type Manifest = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Labels };
  // biome-ignore lint/suspicious/noExplicitAny: kubeconform has checked it against its schema.
  readonly spec: any;
  readonly data?: Readonly<Record<string, string>>;
};

export type Labels = Readonly<Record<string, string>>;

/** Returns the objects of a folder of deploy/kubernetes, as `kubectl apply -k` sends them. */
export type Built = { readonly text: string; readonly manifests: readonly Manifest[] };

export async function buildManifests(name: "service" | "migrate"): Promise<Built> {
  const text = await outputOf("kustomize", ["build", `deploy/kubernetes/${name}`]);
  const documents = parseAllDocuments(text).map((each) => each.toJS() as Manifest);
  return { text, manifests: documents };
}

/** Returns the only object of a kind whose name begins with `prefix`. */
export function find({ manifests }: Built, kind: string, prefix = ""): Manifest {
  const found = manifests.filter(
    (each) => each.kind === kind && each.metadata.name.startsWith(prefix),
  );
  if (found.length === 1 && found[0] !== undefined) return found[0];
  throw new Error(`${found.length} of ${kind} ${prefix}*`);
}

/** Returns whether a selector matches labels. */
export function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}
