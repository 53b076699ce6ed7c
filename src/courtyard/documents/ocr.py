"""Reads the words in a picture by RapidOCR: English and Chinese, by models that lie in its package."""

from functools import cache
from typing import TYPE_CHECKING, Any

from courtyard.documents import spaces
from courtyard.documents.layout import Segment

if TYPE_CHECKING:
    from PIL.Image import Image

_SCORE_MIN = 0.5
_SIDE_MAX = 2_400
_SURE = 0.92
"""How sure the model is, on the whole, of lines that stand upright."""

_SLIM = 8
"""How much wider than high a picture may be for the model that finds lines."""


class Ocr:
    """The models, loaded."""

    def __init__(self) -> None:
        from rapidocr_onnxruntime import RapidOCR  # noqa: PLC0415 - A second to load, where a picture is read.

        self._models: Any = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
        self._models.text_rec.rec_batch_num = 1  # Lines that are read together are all padded to the longest.
        self._models.text_rec.postprocess_op = _Decoder(self._models.text_rec.postprocess_op.character)

    def segments(self, picture: "Image") -> list[Segment]:
        """Return each piece of a line that was read, with its place in pixels."""
        import numpy  # noqa: PLC0415 - Loaded where a picture is read.

        shrunk = min(1.0, _SIDE_MAX / max(picture.size))
        pixels = numpy.asarray(_fitted(picture, shrunk))[:, :, ::-1]
        places, _ = self._models.text_det(pixels)
        if places is None or len(places) == 0:
            return []
        lines, read = self._read(self._models.get_crop_img_list(pixels, places))
        return [
            _segment(place / shrunk, spaces.restored(text, letters, line))
            for place, line, (text, score, letters) in zip(places, lines, read, strict=True)
            if text.strip() and score >= _SCORE_MIN
        ]

    def _read(self, lines: list[Any]) -> tuple[list[Any], list[Any]]:
        """Read lines, and on their heads where that is understood better: a page may be upside down."""
        read, _ = self._models.text_rec(lines)
        if _sure(read) >= _SURE:
            return lines, read
        turned = [line[::-1, ::-1] for line in lines]
        read_turned, _ = self._models.text_rec(turned)
        return (turned, read_turned) if _sure(read_turned) > _sure(read) else (lines, read)


@cache
def shared() -> Ocr:
    """Return the models, loaded once in this process."""
    return Ocr()


def _sure(read: list[Any]) -> float:
    return float(sum(score for _, score, _ in read)) / len(read)


class _Decoder:
    """Reads letters out of what the model says of each step along a line, and where on the line each stands."""

    def __init__(self, letters: list[str]) -> None:
        self._letters = letters

    def __call__(
        self, steps: Any, _: bool, *, wh_ratio_list: list[float], max_wh_ratio: float
    ) -> list[tuple[str, float, list[float]]]:
        return [self._line(line, max_wh_ratio / ratio) for line, ratio in zip(steps, wh_ratio_list, strict=True)]

    def _line(self, steps: Any, padded: float) -> tuple[str, float, list[float]]:
        best = steps.argmax(axis=1).tolist()
        # The same letter at two steps in a row is one letter; 0 is none.
        taken = [at for at, letter in enumerate(best) if letter and (at == 0 or best[at - 1] != letter)]
        scores = [float(steps[at, best[at]]) for at in taken]
        score = sum(scores) / len(scores) if scores else 0.0
        places = [(at + 0.5) / len(best) * padded for at in taken]
        return "".join(self._letters[best[at]] for at in taken), score, places


def _fitted(picture: "Image", shrunk: float) -> "Image":
    """Return the picture as large as the models take it, with room below where it is but a strip."""
    from PIL import Image  # noqa: PLC0415 - Loaded where a picture is read.

    width, height = (max(1, round(side * shrunk)) for side in picture.size)
    fitted = picture.resize((width, height)) if shrunk < 1 else picture
    if width <= _SLIM * height:
        return fitted
    room = Image.new("RGB", (width, width // _SLIM + 1), fitted.getpixel((0, 0)))
    room.paste(fitted)
    return room


def _segment(corners: Any, text: str) -> Segment:
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return Segment(text=text.strip(), left=left, top=top, right=right, bottom=bottom, size=bottom - top)
