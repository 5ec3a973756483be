/**
 * Returns a body whose chunks count as memory of the main thread while they are passed on to a worker
 * thread. The thread requests the next chunk when it has taken one.
 *
 * @param onExhausted Called with the error of `reserve`, with which the body then fails.
 */
export async function* countPassedOn(
  body: AsyncIterable<Uint8Array>,
  reserve: (bytes: number) => void,
  onExhausted: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    const bytes = chunk.length * copies;
    try {
      reserve(bytes);
    } catch (error) {
      onExhausted(error);
      throw error;
    }
    try {
      yield chunk;
    } finally {
      reserve(-bytes);
    }
  }
}

/** A chunk of gRPC is a whole message. Its copy is on its way to the thread, and two more have arrived. */
const copies = 4;
