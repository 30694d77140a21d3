"""Which clips the composites of the Micro-Expression Grand Challenges take.

MEGC 2019: every clip with one of the three classes, less six of CASME II that its official list has not: two without an apex
after the onset, one that the sheet of 2014-05-08 has not, and three that a later revision of it calls surprise. MEGC 2018:
the objective classes I to V.
"""

NOT_IN_2019 = {
    ("casme2", "sub04", "EP12_01f"): "its apex is not marked",
    ("casme2", "sub05", "EP09_05f"): "its apex is its onset",
    ("casme2", "sub24", "EP02_07"): "not in the sheet of 2014-05-08",
    ("casme2", "sub24", "EP07_01"): "sadness in the sheet of 2014-05-08",
    ("casme2", "sub24", "EP07_04f"): "sadness in the sheet of 2014-05-08",
    ("casme2", "sub24", "EP10_03"): "sadness in the sheet of 2014-05-08",
}
OF_2019, OF_2018 = ("casme2", "samm", "smic"), ("casme2", "samm")


def in_megc2019(database: str, subject: str, clip: str, label3: int) -> bool:
    return database in OF_2019 and label3 >= 0 and (database, subject, clip) not in NOT_IN_2019


def in_megc2018(database: str, objective: int) -> bool:
    """objective: 0 none, else 1 to 7."""
    return database in OF_2018 and 1 <= objective <= 5
