import { parseAllDocuments } from "yaml";
import { outputOf } from "../third-party/command.js";

/** An object of Kubernetes, of what kind ever. */
export type Manifest = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Labels };
  // biome-ignore lint/suspicious/noExplicitAny: kubeconform has checked it against its schema.
  readonly spec: any;
  readonly data?: Readonly<Record<string, string>>;
};

export type Labels = Readonly<Record<string, string>>;

/** A folder of deploy/kubernetes as `kubectl apply -k` would send it. */
export type Built = { readonly text: string; readonly manifests: readonly Manifest[] };

export async function buildManifests(name: "service" | "migrate"): Promise<Built> {
  const text = await outputOf("kustomize", ["build", `deploy/kubernetes/${name}`]);
  const documents = parseAllDocuments(text).map((each) => each.toJS() as Manifest);
  return { text, manifests: documents };
}

/** The only one of its kind whose name begins with `prefix`. */
export function find({ manifests }: Built, kind: string, prefix = ""): Manifest {
  const found = manifests.filter(
    (each) => each.kind === kind && each.metadata.name.startsWith(prefix),
  );
  if (found.length === 1 && found[0] !== undefined) return found[0];
  throw new Error(`${found.length} of ${kind} ${prefix}*`);
}

/** Whether a selector finds what has these labels. */
export function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}
