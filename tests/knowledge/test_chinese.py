"""Names in Chinese texts."""

from courtyard.knowledge.chinese import ChineseNames


def test_people_places_organisations_and_works_are_found() -> None:
    """Each is found once; a text without Chinese costs nothing and has none."""
    texts = [
        "陈志明在浙江省图书馆借阅了《水浒传》，后来去了杭州市。陈志明很高兴。",
        "Ada Lovelace met Charles Babbage.",
    ]
    found = ChineseNames().names(texts)

    assert found[0].count("陈志明") == 1
    assert {"水浒传", "杭州市"} <= set(found[0])
    assert any("图书馆" in name for name in found[0])
    assert found[1] == []


def test_a_sentence_without_end_is_read_in_parts() -> None:
    """Nothing is too long to be read, and what stands at its end is found."""
    found = ChineseNames().names(["他去了北京和上海，" * 300 + "最后见到了王建国"])

    assert {"北京", "上海", "王建国"} <= set(found[0])
