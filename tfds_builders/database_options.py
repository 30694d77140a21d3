"""A user's options as each database of a data set takes them; what none can use is refused."""

import dataclasses
from pathlib import Path

from mer_jax.mistakes import UserMistake
from tfds_builders.annotated.own_apexes import check_apexes
from tfds_builders.annotation_tables.repairs import chosen_patches
from tfds_builders.data_set import DataSet
from tfds_builders.database import Database
from tfds_builders.options import Options


def options_by_database(data_set: DataSet, options: Options) -> dict[str, Options]:
    """The options of each database, by its name: its own table, those of the named patches that it has.

    Raises UserMistake for a table or apexes of a database without an annotation table, for a patch that no database has, and
    for a row of apexes that is of none.
    """
    databases = data_set.databases
    chosen_patches([patch for database in databases for patch in database.patches], options.patches)
    if options.apexes:
        annotated = [database for database in databases if database.tables]
        if not annotated:
            raise without_table(f"--apexes={options.apexes}", databases[0])
        check_apexes(Path(options.apexes), annotated)
    owner, table = table_of_database(data_set, options.table)
    return {database.name: dataclasses.replace(options, table=table if database is owner else "",
                                               patches=own_patches(database, options.patches),
                                               apexes=options.apexes if database.tables else "")
            for database in databases}


def table_of_database(data_set: DataSet, table: str) -> tuple[Database | None, str]:
    """(database, file) of the option --table: FILE of one database, DATABASE=FILE of several; (None, "") where it is ""."""
    if not table:
        return None, ""
    owner, file = data_set.databases[0], table
    if len(data_set.databases) > 1:
        name, _, file = table.partition("=")
        owner = next((database for database in data_set.databases if database.name == name), None)
        if owner is None or not file:
            raise UserMistake(f"--table={table}: {data_set.name} is of several databases; wanted one with its table, as in "
                              f"--table={data_set.databases[0].name}=FILE")
    if not owner.tables:
        raise without_table(f"--table={table}", owner)
    return owner, file


def without_table(option: str, database: Database) -> UserMistake:
    return UserMistake(f"{option}: {database.title} has no annotation table: its folders are its annotation; leave "
                       f"{option.partition('=')[0]}")


def own_patches(database: Database, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Of the names of patches those that a database has; all, none and the usual ones as they are."""
    if names in (None, ("none",), ("all",)):
        return names
    return tuple(patch.name for patch in database.patches if patch.name in names)
