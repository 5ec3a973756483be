import { type Rate, Weekday } from "../../../gen/llmprices/v1/rate_card_pb.js";

/** Describes the conditions of a rate for people, without those that always hold. */
export function describeConditions({ serviceTier, region, inputAbove, hours }: Rate): string[] {
  return [
    ...(serviceTier === "standard" ? [] : [serviceTier]),
    ...(region === "" ? [] : [`region ${region}`]),
    ...(inputAbove === undefined ? [] : [`input above ${inputAbove}`]),
    ...hours.map(({ weekdays, start, end }) => {
      const days = weekdays.map((day) => Weekday[day]?.slice(0, 3).toLowerCase()).join(" ");
      return `${days === "" ? "daily" : days} ${start} to ${end} UTC`;
    }),
  ];
}
