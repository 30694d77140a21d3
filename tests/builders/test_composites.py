"""The composites: what the rule takes, and that nothing passes for the official list that is not."""

import csv
import dataclasses

import pytest
from fake_copies import CASME2_ROWS, Row, casme2_cells, casme2_copy, samm_copy, smic_copy, write_frames, write_xlsx

from mer_jax.data.from_tfds import clips_from_tfds
from mer_jax.mistakes import UserMistake
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.composite import compare, is_official
from tfds_builders.data_set import Official, keys_digest
from tfds_builders.licensed_data import build, check
from tfds_builders.megc2019.megc2019_dataset_builder import MEGC2019
from tfds_builders.options import Options


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    root = tmp_path_factory.mktemp("copies")
    casme2_copy(root / "c")
    samm_copy(root / "s")
    smic_copy(root / "m", {"s1_ne_01": (559740, 5), "s3_po_08": (12, 4), "s18_sur_03": (99997, 6)})
    return [f"casme2={root}/c", f"samm={root}/s", f"smic={root}/m"]


def test_megc2019_takes_what_its_rule_says(words, tmp_path):
    found = build("megc2019", words, tmp_path, Options())
    clips = clips_from_tfds(found["folder"])
    assert clips.classes == ("negative", "positive", "surprise") and clips.datasets == ("casme2", "samm", "smic")
    names = {key: clips.classes[label] for key, label in zip(clips.ids, clips.label, strict=True)}
    assert [key for key in names if key.startswith("casme2")] == [
        "casme2/sub01/EP02_01f", "casme2/sub01/EP19_05f", "casme2/sub05/EP16_04f", "casme2/sub16/EP01_08"]
    assert len(names) == 14 and "samm/006/006_1_3" not in names
    assert names["samm/013/013_1_9"] == names["casme2/sub16/EP01_08"] == "negative"
    assert names["smic/s03/s03_po_08"] == "positive"
    assert set(clips.fps.tolist()) == {100, 200}


def test_megc2018_takes_the_objective_classes(words, tmp_path):
    found = build("megc2018", words[:2], tmp_path, Options())
    clips = clips_from_tfds(found["folder"])
    assert clips.classes == ("I", "II", "III", "IV", "V") and len(clips) == 10
    assert [clips.classes[label] for label in clips.label[:5]] == ["I", "III", "IV", "II", "V"]


def test_a_later_sheets_relabelled_clips_stay_out(words, tmp_path):
    rows = [dataclasses.replace(row, emotion="surprise") if row.clip == "EP07_01" else
            dataclasses.replace(row, apex=263) if row.clip == "EP12_01f" else
            dataclasses.replace(row, apex=71) if row.clip == "EP09_05f" else row for row in CASME2_ROWS]
    others = [Row("24", "EP02_07", 3, 5, 7, "disgust"), Row("24", "EP07_04f", 3, 5, 7, "surprise"),
              Row("24", "EP10_03", 3, 5, 7, "surprise")]
    casme2_copy(tmp_path, [*rows, *others])
    before, after = check("megc2019", words, Options()), check("megc2019", [f"casme2={tmp_path}", *words[1:]], Options())
    assert before["digest"] == after["digest"]


def test_what_is_not_the_list_is_not_called_it(words):
    found = check("megc2019", words, Options())
    assert found["official"] is False
    said = [finding["text"] for finding in found["problems"] if finding["place"] == "megc2019, casme2"]
    assert said == ["the copy tells of 4 clips, the official list has 145: negative 2, there 88; positive 1, there 32; "
                    "surprise 1, there 25"]


def made_list(tmp_path):
    """A composite whose official list is that of the fake CASME II alone, and what its copy gives."""
    from tfds_builders.gathering import gathered
    database = MEGC2019.databases[0]
    composite = dataclasses.replace(MEGC2019, databases=(database,))
    expected, _ = gathered(composite, {"casme2": casme2_copy(tmp_path)}, Options(), Findings())
    digest = keys_digest(expected)
    return dataclasses.replace(composite, official={"casme2": Official((2, 1, 1), digest)}), expected


def test_missing_clips_are_named_by_their_keys(tmp_path):
    composite, expected = made_list(tmp_path)
    for taken, wanted in ((expected, []), (expected[1:], ["1 clips of the list are missing: sub01/EP02_01f"])):
        compare(composite, expected, taken, findings := Findings())
        assert [finding.text for finding in findings] == wanted
        assert is_official(composite, composite.databases[0], taken) == (not wanted)


def test_a_label_that_differs_is_noticed_where_the_counts_agree(tmp_path):
    composite, expected = made_list(tmp_path)
    (database, first, _), second, *rest = expected
    swapped = [(database, first, second[2]), (*second[:2], expected[0][2]), *rest]
    compare(composite, swapped, swapped, findings := Findings())
    assert [finding.text for finding in findings] == [
        "the copy tells of 4 clips, the official list has 4: as many of each class, but a key or a label is another"]


def test_surplus_clips_show_in_the_counts(tmp_path):
    composite, expected = made_list(tmp_path)
    compare(composite, [*expected, expected[0]], [*expected, expected[0]], findings := Findings())
    assert [finding.text for finding in findings] == ["the copy tells of 5 clips, the official list has 4: positive 2, there 1"]


@pytest.mark.parametrize("wrong, said", [
    (["/nowhere"], "wanted one for each database, as in --source=casme2=DIR --source=samm=DIR --source=smic=DIR"),
    (["casme2=/a", "samm=/b"], "no source of smic: wanted --source=smic=DIR"),
    (["casme2=/a", "casme2=/b", "samm=/b", "smic=/c"], "a second folder of casme2, after /a"),
])
def test_sources_of_a_composite_are_named(wrong, said):
    with pytest.raises(UserMistake, match=said):
        check("megc2019", wrong, Options())


def test_the_real_keys_of_two_databases_are_the_official_ones(real_clips_folder, tmp_path):
    """With made-up pictures under the keys of the real list: the digests hold, and only SAMM is missing."""
    with open(real_clips_folder / "clips.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    words = {"negative": "disgust", "positive": "happiness", "surprise": "surprise"}
    casme2 = [Row(row["subject"][3:], row["clip"], 3, 4, 5, words[row["emotion"]])
              for row in rows if row["dataset"] == "casme2"]
    write_xlsx(tmp_path / "c/CASME2-coding-20140508.xlsx", {"Sheet1": casme2_cells(casme2)})
    for row in casme2:
        write_frames(tmp_path / f"c/raw/sub{row.subject}/{row.clip}", ["img3.jpg", "img4.jpg", "img5.jpg"])
    smic = {f"s{int(row['subject'][1:])}{row['clip'][3:]}": (7, 2) for row in rows if row["dataset"] == "smic"}
    smic_copy(tmp_path / "m", smic)
    samm_copy(tmp_path / "s")
    found = check("megc2019", [f"casme2={tmp_path}/c", f"samm={tmp_path}/s", f"smic={tmp_path}/m"], Options())
    assert [finding["place"] for finding in found["problems"] if finding["place"].startswith("megc2019")] == ["megc2019, samm"]
    assert found["clips"] == 145 + 164 + 7
