"""Tables as passages: rows that name one another's things are found from one another."""

from courtyard.documents import Table
from courtyard.knowledge.table_rows import is_thing, pieces

_PARKS = Table(
    header=("name", "kind", "county", "opened", "area"),
    rows=(
        ("莫干山森林公园", "公园", "德清县", "1992/1/1", "420.0"),
        ("历山森林公园", "公园", "永康市", "2016/1/1", "547.2"),
        ("", "", "", "", ""),
        ("下渚湖公园", "公园", "德清县", "2009/1/1", ""),
    ),
)


def test_a_row_that_has_a_name_is_a_passage_under_it() -> None:
    """Each cell stands beside its column's name; empty cells and empty rows are left out."""
    made = pieces(_PARKS)

    assert [piece.heading for piece in made] == ["莫干山森林公园", "历山森林公园", "下渚湖公园"]
    assert made[2].text == "name: 下渚湖公园; kind: 公园; county: 德清县; opened: 2009/1/1"


def test_cells_name_things_and_not_counts_days_or_kinds() -> None:
    """Two rows of one county name it both; a kind that many rows share joins nothing."""
    rows = tuple((f"第{n}中学", "中学", f"{n % 4}区县", f"0571-8270{n:04}", str(n)) for n in range(20))
    made = pieces(Table(header=("名称", "类别", "区县", "电话", "人数"), rows=rows))

    assert made[7].names == ("第7中学", "3区县", "0571-82700007")
    assert "莫干山森林公园" in pieces(_PARKS)[0].names
    assert "1992/1/1" not in pieces(_PARKS)[0].names


def test_rows_without_a_name_are_grouped() -> None:
    """A ledger's rows make passages of about the length of a paragraph, and no row is lost or cut."""
    rows = tuple((f"{n % 12 + 1}", f"{n * 17}") for n in range(100))
    made = pieces(Table(header=("month", "sales"), rows=rows))

    assert 3 < len(made) < 20
    assert "\n".join(piece.text for piece in made).split("\n") == [f"month: {a}; sales: {b}" for a, b in rows]
    assert all(len(piece.text) < 400 and not piece.heading for piece in made)


def test_a_table_without_rows_has_no_passages() -> None:
    """Nothing is made of a header alone."""
    assert pieces(Table(header=("a", "b"), rows=())) == []
    assert pieces(Table(header=(), rows=((),))) == []


def test_what_is_a_thing() -> None:
    """Names and long numbers are; days, counts, places on the globe and whole paragraphs are not."""
    assert all(map(is_thing, ("德清县", "L-ZJ00385", "Ada Lovelace", "0571-82712139", "13906505550")))
    assert not any(map(is_thing, ("", "1", "2016/1/1", "547.2", "30.046812", "2023", "很长的一段话" * 20, "a\nb")))


def test_statements_are_put_together_by_whom_they_are_about() -> None:
    """A loaded graph's row is no passage of its own: what is said of one thing is read together."""
    rows = (("王建国", "任职于", "东海医院"), ("东海医院", "位于", "宁波市"), ("王建国", "又名", "王老"))
    made = pieces(Table(header=("主语", "谓语", "宾语"), rows=rows))

    assert [piece.heading for piece in made] == ["王建国", "东海医院"]
    assert made[0].text == "王建国\n任职于: 东海医院\n又名: 王老"
    assert made[0].names == ("王建国", "东海医院", "王老")


def test_what_much_is_said_of_takes_several_passages() -> None:
    """Each says whom it is about, and a kind that most things are joins none of them."""
    rows = [("A1 line", "stops at", f"Station {n}") for n in range(100)]
    rows += [(f"Station {n}", "is a", "Stop point") for n in range(100)]
    made = pieces(Table(header=("head", "relation", "tail"), rows=tuple(rows)))
    line = [piece for piece in made if piece.heading == "A1 line"]

    assert len(line) > 3
    assert all(piece.text.startswith("A1 line\nstops at: ") for piece in line)
    assert not any("Stop point" in piece.names for piece in made)
