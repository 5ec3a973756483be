import { DomainError } from "../../../domain/domain-error.js";
import { parseModel, parseModelPattern, parseProvider } from "../../../domain/price-key.js";

/** Returns why a provider and a model's name cannot be the key of a card, or undefined. */
export function invalidNameReason(provider: string, model: string): string | undefined {
  return messageOf(() => {
    parseProvider("provider", provider);
    parseModel("model", model);
  });
}

/** Returns why a provider and a pattern of models cannot be the key of a card, or undefined. */
export function invalidPatternReason(provider: string, pattern: string): string | undefined {
  return messageOf(() => {
    parseProvider("provider", provider);
    parseModelPattern("model", pattern, provider);
  });
}

function messageOf(parse: () => void): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error.message;
    throw error;
  }
}
