"""Small copies of published corpora, in the forms in which they are published."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from runtime.corpora.catalogue import PublishedCorpus, Text

ENGLISH = ["A dog runs .", "Two cats  sleep .", "The ship is old ."]
GERMAN = ["Ein Hund läuft .", "Zwei Katzen schlafen .", "Das Schiff ist alt ."]
TALK = """\
<url>http://example.org/talks/1</url>
<keywords>talks, ships</keywords>
<speaker>Somebody</speaker>
<talkid>1</talkid>
<title>{0}</title>
<description>{1}</description>
 {2}
"""
SEGMENTS = """\
<?xml version="1.0" encoding="UTF-8"?>
<refset setid="a" srclang="any" trglang="{language}">
<doc docid="1" genre="lectures">
<talkid>1</talkid>
<title>A title that is no segment</title>
{lines}
</doc>
</refset>
"""
ENWIK = "<page>é</page>\n" * 8
"""A text of 16 bytes a line, the seventh and eighth of which are one character."""


def segments(lines: list[str], language: str) -> str:
    """Return a text in the XML (or SGML) of test sets."""
    marked = [f'<seg id="{number}"> {line} </seg>' for number, line in enumerate(lines, start=1)]
    return SEGMENTS.format(language=language, lines="\n".join(marked))


def archive(path: Path, members: Mapping[str, str]) -> Path:
    """Write a .tgz with texts."""
    with tarfile.open(path, "w:gz") as packed:
        for name, text in members.items():
            content = text.encode()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return path


def talks(folder: Path, *, english: list[str] = ENGLISH) -> Path:
    """Write the archive of IWSLT 2014, small: three training sentences, two in each test file."""
    members = {}
    for language, lines in (("de", GERMAN), ("en", english)):
        members[f"de-en/train.tags.de-en.{language}"] = TALK.format(*lines)
        for test in ("TED.dev2010", "TEDX.dev2012", "TED.tst2010", "TED.tst2011", "TED.tst2012"):
            text = segments([f"{test} {each}" for each in lines[:2]], language)
            members[f"de-en/IWSLT14.{test}.de-en.{language}.xml"] = text
    return archive(folder / "de-en.tgz", members)


def newstests(folder: Path) -> None:
    """Write the archives of newstest 2013 and 2014, small, with a French side, too."""
    texts = {"en": ENGLISH, "de": GERMAN, "fr": ENGLISH}
    members = {
        f"test/newstest2013-src.{each}.sgm": segments(texts[each], each) for each in ("en", "de")
    }
    archive(folder / "test.tgz", members)
    full = "test-full/newstest2014-deen-{}.{}.sgm"
    members = {
        full.format("src", "en"): segments(ENGLISH, "en"),
        full.format("ref", "de"): segments(GERMAN, "de"),
    }
    archive(folder / "test-full.tgz", members)


def captions(folder: Path) -> None:
    """Write the files of Multi30k, small."""
    for stem in ("train", "val", "test_2016_flickr"):
        for language, lines in (("en", ENGLISH), ("de", GERMAN)):
            with gzip.open(folder / f"{stem}.{language}.gz", "wt", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)


def wikipedia(folder: Path) -> None:
    """Write enwik8.zip, small."""
    with zipfile.ZipFile(folder / "enwik8.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("enwik8", ENWIK)


def cut_for_wikipedia(corpus: PublishedCorpus) -> dict[str, Text]:
    """Return the parts of enwik8 for the small text: cuts within the characters of two lines."""
    bytes_of = {"train": (0, 71), "valid": (71, 87), "test": (87, 128)}
    return {
        name: part.model_copy(update={"bytes": bytes_of[name]})
        for name, part in corpus.parts.items()
        if isinstance(part, Text)
    }
