import { Agent, request } from "node:http";
import type { DescMethod } from "@bufbuild/protobuf";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import { type AbuseContext, repeatedly } from "../abuse.js";

export type Post = {
  readonly method: DescMethod;
  readonly body: Buffer;
  readonly encoding?: string;
};

/** Repeats Connect JSON calls over HTTP/1.1 until the signal aborts. */
export async function repeatPosts(
  { http, tokens, signal, count }: AbuseContext,
  concurrency: number,
  posts: readonly Post[],
): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const post = ({ method, body, encoding }: Post) =>
    new Promise<string>((resolve) => {
      const headers = {
        authorization: `Bearer ${tokens.calculate}`,
        "content-type": "application/json",
        "content-length": body.length,
        ...(encoding !== undefined && { "content-encoding": encoding }),
      };
      const options = { ...http, path: pathOf(method), method: "POST", agent, headers, signal };
      const outgoing = request(options, (incoming) => {
        incoming.on("error", () => resolve("lost"));
        incoming.on("end", () => resolve(`HTTP ${incoming.statusCode}`));
        incoming.resume();
      });
      outgoing.on("error", () => resolve("lost"));
      outgoing.end(body);
    });
  await repeatedly(concurrency, signal, async (line) => {
    count(await post(posts[line % posts.length] as Post));
  });
  agent.destroy();
}
