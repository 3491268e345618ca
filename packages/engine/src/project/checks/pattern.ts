/** What is wrong with a regular expression that the warehouse will run (RE2 syntax), and what to do; undefined if nothing. */
export function patternProblem(text: string): { readonly message: string; readonly remedy: string } | undefined {
  if (/\(\?<?[=!]/.test(text) || /(^|[^\\])(\\\\)*\\[1-9]/.test(text)) {
    return {
      message: "This pattern uses look-around or a back-reference, which RE2 patterns do not have.",
      remedy: "Write it without them.",
    };
  }
  try {
    void new RegExp(text.replace(/^\(\?[a-z]+\)/, ""), "u");
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, "") : String(error);
    return { message: `This pattern cannot be read: ${reason}.`, remedy: "Check brackets and backslashes." };
  }
}
