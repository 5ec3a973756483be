/**
 * Makes times on days that no month has unreadable: protobuf-es reads the 31st of February as the
 * 3rd of March, and so another day would be priced than was asked for. Changes no length.
 */
export async function* refuseImpossibleDays(
  json: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let rest = "";
  for await (const chunk of json) {
    // One character a byte: what is no time passes unchanged, whatever its encoding.
    const text = spoilImpossibleDays(rest + Buffer.from(chunk).toString("latin1"));
    // A time may go on in the next chunk. Most end with a brace: a stream's message must not wait.
    rest = openTimeField.exec(text)?.[0] ?? "";
    yield Buffer.from(text.slice(0, text.length - rest.length), "latin1");
  }
  yield Buffer.from(rest, "latin1");
}

/** The same for a text. A month of 99 is what no reader accepts. */
export function spoilImpossibleDays(json: string): string {
  return json.replace(timeField, (found, name, year, month, day) =>
    Number(day) <= daysOf(Number(year), Number(month)) ? found : `${name}${year}-99-${day}T`,
  );
}

/** The days of a month; 31 for what is none, which is refused as it is. */
function daysOf(year: number, month: number): number {
  return month < 1 || month > 12
    ? 31
    : new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
}

const timeField =
  /("(?:asOf|as_of|effectiveFrom|effective_from)"\s{0,20}:\s{0,20}")(\d{4})-(\d\d)-(\d\d)T/g;
const openTimeField =
  /"(?:[a-zA-Z_]{0,14}|(?:asOf|as_of|effectiveFrom|effective_from)"\s{0,20}(?::\s{0,20}(?:"[\d-]{0,10})?)?)$/;
