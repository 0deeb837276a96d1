"""The schema, as a list of migrations, a file each. A landed one is never edited: add the next.

Times are seconds since 1970 (UTC). Columns without a type keep JSON's own type (`5` stays a whole
number, `"5"` a text): the reference's files must come out as they came in.
"""

from sqlite_utils.migrations import Migrations

from db.migrations.access import access
from db.migrations.children import children
from db.migrations.curation import curation
from db.migrations.deleting import deleting
from db.migrations.evaluation import evaluation
from db.migrations.foundation import foundation
from db.migrations.giving_up import giving_up
from db.migrations.mentor import mentor
from db.migrations.names import names
from db.migrations.order import order
from db.migrations.storage import storage
from db.migrations.trials import trials

STEPS = (
    foundation,
    curation,
    order,
    children,
    evaluation,
    trials,
    mentor,
    access,
    storage,
    giving_up,
    names,
    deleting,
)
migrations = Migrations("fair")
for step in STEPS:
    migrations()(step)
