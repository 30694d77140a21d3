"""Options that a data set cannot use are refused or said, and those of a composite go to the database that they are of."""

import pytest
import tensorflow_datasets as tfds
from fake_copies import CASME2_ROWS, casme2_cells, casme2_copy, samm_copy, smic_copy, write_frames, write_xlsx

from mer_jax.mistakes import UserMistake
from tfds_builders.licensed_data import build, builder_class, check
from tfds_builders.options import Options


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("copies")
    casme2_copy(root / "c")
    samm_copy(root / "s")
    smic_copy(root / "m", {"s1_ne_01": (559740, 5), "s3_po_08": (12, 4)})
    return root


@pytest.fixture(scope="module")
def words(root):
    return [f"casme2={root}/c", f"samm={root}/s", f"smic={root}/m"]


def written(path, text):
    path.write_text(text)
    return str(path)


def records(found):
    source = tfds.builder_from_directory(found["folder"]).as_data_source("clips")
    return {record["clip"].decode(): record for record in (source[n] for n in range(len(source)))}


def texts(found):
    return [f"{one['place']}: {one['text']}" for one in found["problems"]]


def test_smic_without_a_table_takes_no_option_of_one(root, tmp_path):
    own = written(tmp_path / "apexes.csv", "subject,clip,apex\n1,s1_ne_01,559742\n")
    for options, said in ((Options(table="x.xlsx"), "--table=x.xlsx: SMIC-HS has no annotation table: its folders are"),
                          (Options(apexes=own), "--apexes=.*apexes.csv: SMIC-HS has no annotation table"),
                          (Options(patches=("nosuch",)), "patch 'nosuch' is not known")):
        with pytest.raises(UserMistake, match=said):
            check("smic", [f"{root}/m"], options)


def test_an_own_apex_of_no_clip_is_said(root, tmp_path):
    own = written(tmp_path / "apexes.csv", "subject,clip,onset,apex\n1,EP02_01f,,60\n1,EP02_99,,5\n1,EP19_05f,4,8\n")
    said = texts(check("casme2", [f"{root}/c"], Options(apexes=own)))
    assert [line for line in said if line.startswith("apexes.csv")] == [
        "apexes.csv, row 3: sub01/EP02_99 is no clip of the annotation of CASME II: its apex is not used",
        "apexes.csv, row 4: sub01/EP19_05f at onset 4 is no clip of the annotation of CASME II: its apex is not used"]


def test_own_apexes_of_a_composite_go_to_their_databases(words, tmp_path):
    own = written(tmp_path / "apexes.csv",
                  "dataset,subject,clip,apex\ncasme2,1,EP02_01f,60\nsamm,6,006_1_2,5566\n,20,020_1_1,23\n")
    found = records(build("megc2019", words, tmp_path / "out", Options(apexes=own)))
    assert [(int(found[clip]["apex"]), int(found[clip]["apex_source"])) for clip in ("EP02_01f", "006_1_2", "020_1_1")] == [
        (60, 3), (5566, 3), (23, 3)]
    assert not any("is not used" in line for line in texts(check("megc2019", words, Options(apexes=own))))
    for row, said in (("1,s1_ne_01,559742", "row 2: wanted subject, clip and apex of CASME II or SAMM, and onset or nothing"),
                      ("1,nothing,5", "row 2: wanted subject, clip and apex of CASME II or SAMM")):
        with pytest.raises(UserMistake, match=said):
            check("megc2019", words, Options(apexes=written(tmp_path / "apexes.csv", f"subject,clip,apex\n{row}\n")))


def test_a_patch_of_a_composite_goes_to_the_database_that_knows_it(words):
    found = check("megc2019", words, Options(patches=("ep01_08_offset",)))
    assert any("(patch ep01_08_offset;" in line for line in texts(found))
    with pytest.raises(UserMistake, match="patch 'ep01_08_offse' is not known.*013_1_9_offset"):
        check("megc2019", words, Options(patches=("ep01_08_offse",)))


def test_a_table_of_a_composite_is_named_with_its_database(words, tmp_path):
    copy = casme2_copy(tmp_path / "c")
    write_xlsx(copy / "mine.xlsx", {"Sheet1": casme2_cells(CASME2_ROWS[1:])})
    words = [f"casme2={copy}", *words[1:]]
    usual, other = (check("megc2019", words, Options(table=table))["clips"] for table in ("", "casme2=mine.xlsx"))
    assert other == usual - 1
    for table in ("mine.xlsx", "casme3=mine.xlsx", "casme2="):
        with pytest.raises(UserMistake, match=f"--table={table}: megc2019 is of several databases; wanted .*=casme2=FILE"):
            check("megc2019", words, Options(table=table))
    with pytest.raises(UserMistake, match="--table=smic=x.xlsx: SMIC-HS has no annotation table"):
        check("megc2019", words, Options(table="smic=x.xlsx"))


@pytest.mark.parametrize("name", ["casme2", "samm", "smic", "megc2019", "megc2018", "table"])
def test_every_config_is_of_a_kind_that_all_databases_have(name):
    made = builder_class(name)
    kinds = [set(database.kinds()) for data_set in made.DATA_SETS for database in data_set.databases]
    said = {config.options.frames for config in made.BUILDER_CONFIGS}
    assert said == {"", *set.intersection(*kinds)}


def test_own_apexes_of_several_databases_name_theirs(tmp_path):
    for folder in ("A/1/c", "B/1/c"):
        write_frames(tmp_path / "copy" / folder, [f"f{n}.jpg" for n in range(1, 9)])
    write_xlsx(tmp_path / "copy/mine.xlsx", {"S": [("dataset", "subject", "clip", "emotion"), ("A", "1", "c", "happy"),
                                                   ("B", "1", "c", "sad")]})
    own = written(tmp_path / "apexes.csv", "dataset,subject,clip,apex\nB,1,c,6\n")
    found = build("table", [str(tmp_path / "copy")], tmp_path / "out", Options(apexes=own))
    source = tfds.builder_from_directory(found["folder"]).as_data_source("clips")
    assert [int(source[n]["apex"]) for n in range(2)] == [4, 6]
    written(tmp_path / "apexes.csv", "subject,clip,apex\n1,c,6\n")
    with pytest.raises(UserMistake, match="apexes.csv, row 2: 1/c is a clip of A and of B; wanted a column dataset"):
        check("table", [str(tmp_path / "copy")], Options(apexes=own))
