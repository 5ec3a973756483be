/** Returns the constraint that a write violates, else the message of its error. */
export async function sqlErrorOf(write: PromiseLike<unknown>): Promise<string> {
  try {
    await write;
  } catch (error) {
    const { constraint, message } = error as { constraint?: string; message: string };
    return constraint ?? message;
  }
  throw new Error("expected an error, the write was accepted");
}
