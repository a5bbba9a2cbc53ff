"""Makes a small T5 tokenizer: a sentencepiece model with T5's ids and its normalising of characters."""

import io
import json
import tempfile
from pathlib import Path

import sentencepiece
from transformers import T5Tokenizer

from clip_vocabulary import CORPUS

# T5's own settings
SPECIAL_IDS = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
MAX_LENGTH = 512


def _sentencepiece_model(vocab_size: int) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS.splitlines() * 20), model_writer=model, model_type="unigram",
        vocab_size=vocab_size, hard_vocab_limit=False, num_threads=1, minloglevel=2, **SPECIAL_IDS)
    return model.getvalue()


def small_t5_tokenizer(vocab_size: int = 180) -> T5Tokenizer:
    """Read it from a folder like the published ones, since this alone converts the model file."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "spiece.model").write_bytes(_sentencepiece_model(vocab_size))
        config = {"tokenizer_class": "T5Tokenizer", "model_max_length": MAX_LENGTH}
        (Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
        return T5Tokenizer.from_pretrained(folder)
