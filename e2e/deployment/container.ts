import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { execFormOf, only, pairsOf } from "./dockerfile.js";
import { asUser, type Image } from "./replay.js";

/** The outcome of a program of the image. */
export type Ended = { readonly exitCode: number | null; readonly stderr: string };

type Settings = Readonly<Record<string, string>>;

/** Runs the image's entry point, as `docker run IMAGE args…` does, until it ends. */
export async function runImage(
  image: Image,
  args: readonly string[],
  settings: Settings,
): Promise<Ended> {
  return end(start(image, [...execFormOf(only(image.stage, "ENTRYPOINT")), ...args], settings));
}

/** Runs the health check against another port. Returns its exit code. */
export async function checkHealth(image: Image, opsPort: number): Promise<number | null> {
  const command = execFormOf(only(image.stage, "HEALTHCHECK")).map((word) =>
    word.replace(":9090/", `:${opsPort}/`),
  );
  return (await end(start(image, command, {}))).exitCode;
}

/** The service, started by the command of the image. */
export type Container = {
  readonly httpUrl: string;
  readonly opsPort: number;
  /** Stops it with the image's signal, as an engine does. Returns its exit code. */
  readonly stop: () => Promise<number | null>;
};

/** Starts the image's own command and waits until it says where it listens. */
export async function serveImage(image: Image, settings: Settings): Promise<Container> {
  const { stage } = image;
  const command = [...execFormOf(only(stage, "ENTRYPOINT")), ...execFormOf(only(stage, "CMD"))];
  const child = start(image, command, settings);
  let banner = "";
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    banner += chunk;
    if (/^curl .*\n/m.test(banner)) break;
  }
  const opsPort = Number(/:(\d+)\/readyz/.exec(banner)?.[1]);
  const httpUrl = String(/^ *Connect, .*(http:\S+)$/m.exec(banner)?.[1]);
  if (!opsPort) throw new Error(`the image does not serve: ${(await end(child)).stderr}`);
  const signal = only(stage, "STOPSIGNAL").getArgumentsContent() as NodeJS.Signals;
  const stop = async () => {
    const exit = end(child);
    child.kill(signal);
    return (await exit).exitCode;
  };
  return { httpUrl, opsPort, stop };
}

/** Starts a command as the image's user, with its environment, on read-only file systems. */
function start(
  { root, stage }: Image,
  command: readonly string[],
  settings: Settings,
): ChildProcess {
  const user = only(stage, "USER").getArgumentsContent();
  if (
    user !==
    asUser
      .slice(1, 3)
      .map((option) => option.split("=")[1])
      .join(":")
  ) {
    throw new Error(`the image was replayed as another user than ${user}`);
  }
  const environment = Object.entries({
    PATH: process.env.PATH,
    ...pairsOf(stage, "ENV"),
    ...settings,
  });
  const script = `
    mount -t tmpfs tmpfs /mnt && mkdir /mnt/app && mount --bind "$1" /mnt/app &&
      mount -o remount,ro,bind /mnt/app && cd /mnt/app &&
      mount -t tmpfs -o ro tmpfs /tmp && mount -t tmpfs -o ro tmpfs /var/tmp &&
      mount -t tmpfs -o ro tmpfs /dev/shm && shift && exec "$@"`;
  return spawn("unshare", [
    ...["--mount", "sh", "-c", script, "sh", join(root, "app"), ...["setpriv", ...asUser]],
    ...["env", "-i", ...environment.map(([name, value]) => `${name}=${value}`), ...command],
  ]);
}

async function end(child: ChildProcess): Promise<Ended> {
  child.stdout?.resume();
  const stderr = child.stderr === null ? "" : text(child.stderr);
  const exit = child.exitCode ?? once(child, "exit").then(([code]) => code);
  return { exitCode: await exit, stderr: await stderr };
}
