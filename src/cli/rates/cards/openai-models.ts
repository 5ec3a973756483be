/**
 * Returns whether a model is one that OpenAI serves or has others serve, by any provider's name for
 * it. Its cache writes live for 30 minutes by default; those of other models for 5. The open
 * weights of gpt-oss are served by others with caches of their own.
 */
export function isOpenAiModel(model: string): boolean {
  return openAiName.test(model) && !/gpt-oss/i.test(model);
}

const openAiName = /(?:^|[/.:~-])(?:gpt-\d|gpt-[a-z]|chatgpt-|codex-|o[134](?:$|-)|openai[./])/i;
