/** CLIP's `vocab.json` and `merges.txt` as the one `tokenizer.json` that the tokenizer library reads. */

/** CLIP's word pattern: contractions, runs of letters, single digits, runs of anything else. */
const WORDS = "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|" +
  "[^\\s\\p{L}\\p{N}]+";

/**
 * @param vocab token to id
 * @param merges the text of `merges.txt`: a version line, then one pair a line; the tokens of other files are added later
 */
export function clipTokenizerJson(
  vocab: Readonly<Record<string, number>>,
  merges: string,
): object {
  const lines = merges.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#version"));
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFC" },
        { type: "Replace", pattern: { Regex: "\\s+" }, content: " " },
        { type: "Lowercase" },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: WORDS }, behavior: "Removed", invert: true },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: null,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: "<|endoftext|>",
      continuing_subword_prefix: "",
      end_of_word_suffix: "</w>",
      fuse_unk: false,
      vocab,
      merges: lines,
    },
  };
}
