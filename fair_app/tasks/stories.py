"""The stories of the arithmetic task: families of openings, moves and endings.

A story is an opening, which has two numbers, then moves, which each change the running number by
another, and sometimes an ending, after which the number counts something else. `{a}` is the
opening's first number and `{n}` the other number of a step. What a story asks for must be the
running number and nothing else: no move may speak of a part, or of somebody else's number.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step: its operator, what is told, how it is derived, what to ask when it is the last."""

    operator: str
    tell: str
    because: str
    ask: str
    unit: str = "{thing}"


@dataclass(frozen=True)
class Family:
    """Stories of one kind. A story takes its moves in the order given here."""

    name: str
    things: tuple[str, ...]
    openings: tuple[Step, ...]
    moves: tuple[Step, ...]
    endings: tuple[Step, ...]


# fmt: off
NAMES = (
    ("Sam", "he"), ("Mia", "she"), ("Leo", "he"), ("Ava", "she"), ("Tom", "he"), ("Zoe", "she"),
    ("Ben", "he"), ("Lily", "she"), ("Max", "he"), ("Nora", "she"), ("Omar", "he"), ("Asha", "she"),
)

FAMILIES = (
    Family("shopping", ("pens", "pencils", "erasers", "notebooks", "crayons"), (
        Step("*", "{name} buys {a} packs of {thing} with {n} {thing} in each pack.",
             "{name} buys {a} packs of {n} {thing}", "How many {thing} does {name} buy?"),
        Step("+", "{name} buys {a} blue {thing} and {n} red {thing}.",
             "The blue and the red {thing} together are", "How many {thing} does {name} buy?"),
    ), (
        Step("+", "{He} already has {n} {thing} at home.",
             "With the {thing} at home {name} has", "How many {thing} does {name} have now?"),
        Step("-", "{He} gives {n} {thing} to {friend}.",
             "After the gift to {friend} {name} has", "How many {thing} does {name} have left?"),
        Step("-", "Later {he} loses {n} {thing}.",
             "After losing some {name} has", "How many {thing} does {name} have in the end?"),
    ), (
        Step("/", "{He} puts all {his} {thing} into {n} boxes, the same number in each box.",
             "Each of the {n} boxes gets", "How many {thing} are in each box?"),
        Step("*", "{He} sells all {his} {thing} for {n} dollars each.",
             "At {n} dollars each {name} gets", "How many dollars does {name} get?", "dollars"),
    )),
    Family("marbles", ("marbles", "stickers", "shells", "stamps", "cards"), (
        Step("+", "{name} has {a} {thing} and finds {n} more {thing}.",
             "With the new {thing} {name} has", "How many {thing} does {name} have now?"),
        Step("-", "{name} has {a} {thing} and loses {n} of them.",
             "After the loss {name} has", "How many {thing} does {name} have left?"),
    ), (
        Step("+", "Then {he} wins {n} {thing} in a game.",
             "After the game {name} has", "How many {thing} does {name} have after the game?"),
        Step("-", "{He} trades away {n} {thing}.",
             "After the trade {name} has", "How many {thing} does {name} have after the trade?"),
        Step("+", "{friend} gives {name} {n} {thing}.",
             "With the gift from {friend} {name} has",
             "How many {thing} does {name} have in the end?"),
    ), (
        Step("*", "{friend} now has {n} times as many {thing} as {name}.",
             "{friend} has {n} times as many", "How many {thing} does {friend} have?"),
        Step("/", "{name} shares all {his} {thing} equally among {n} children.",
             "Each of the {n} children gets", "How many {thing} does each child get?"),
    )),
    Family("travel", ("miles", "kilometers"), (
        Step("*", "A bus drives {a} {thing} every hour for {n} hours.",
             "In {n} hours the bus drives", "How many {thing} does the bus drive?"),
        Step("+", "A bus drives {a} {thing} in the morning and {n} {thing} at noon.",
             "On both trips the bus drives", "How many {thing} does the bus drive?"),
    ), (
        Step("+", "Then it drives {n} {thing} more to a lake.",
             "At the lake the bus has driven", "How many {thing} has it driven at the lake?"),
        Step("+", "After a break it drives another {n} {thing}.",
             "After the break the bus has driven", "How many {thing} has it driven in all?"),
        Step("+", "In the evening it drives {n} {thing} back to the garage.",
             "At the garage the bus has driven", "How many {thing} has it driven that day?"),
    ), (
        Step("/", "A bicycle needs {n} days for the whole way, the same distance each day.",
             "On each of the {n} days the bicycle goes",
             "How many {thing} does the bicycle go each day?"),
        Step("*", "A train goes {n} times as far as the bus.",
             "The train goes {n} times as far", "How many {thing} does the train go?"),
    )),
    Family("reading", ("pages",), (
        Step("*", "{name} has {a} folders to read, with {n} pages in each folder.",
             "{a} folders of {n} pages have", "How many pages does {name} have to read?"),
        Step("-", "A book has {a} pages. {name} has read {n} of them.",
             "The pages that are left are", "How many pages are left to read?"),
    ), (
        Step("-", "On Monday {he} reads {n} pages.",
             "After Monday there are", "How many pages are left to read after Monday?"),
        Step("+", "The teacher adds {n} pages that {name} has to read.",
             "With the added pages there are", "How many pages does {name} have to read now?"),
        Step("-", "On Tuesday {he} reads {n} pages.",
             "After Tuesday there are", "How many pages are left to read after Tuesday?"),
    ), (
        Step("/", "{He} reads the pages that are left in {n} days, the same number each day.",
             "On each of the {n} days {name} reads", "How many pages does {name} read each day?"),
        Step("*", "Each page that is left takes {n} minutes.",
             "At {n} minutes each they take", "How many minutes does the reading take?", "minutes"),
    )),
    Family("sharing", ("sweets", "cookies", "grapes", "nuts", "plums"), (
        Step("/", "{name} shares {a} {thing} equally among {n} children.",
             "Each of the {n} children gets", "How many {thing} does each child get?"),
        Step("*", "{name} has {a} bags with {n} {thing} in each bag.",
             "In {a} bags of {n} there are", "How many {thing} does {name} have?"),
    ), (
        Step("+", "Then {he} adds {n} more {thing}.",
             "With the added {thing} there are", "How many {thing} are there now?"),
        Step("-", "The children eat {n} {thing}.",
             "After eating there are", "How many {thing} are left?"),
        Step("+", "{friend} brings {n} more {thing}.",
             "With those of {friend} there are", "How many {thing} are there in the end?"),
    ), (
        Step("/", "All the {thing} are laid on {n} plates, the same number on each plate.",
             "Each of the {n} plates gets", "How many {thing} are on each plate?"),
        Step("*", "Each of the {thing} weighs {n} grams.",
             "At {n} grams each they weigh", "How many grams do they weigh together?", "grams"),
    )),
    Family("baking", ("muffins", "rolls", "pies", "cupcakes"), (
        Step("*", "{name} bakes {a} trays of {thing} with {n} {thing} on each tray.",
             "{a} trays of {n} hold", "How many {thing} does {name} bake?"),
        Step("-", "{name} bakes {a} {thing} and sells {n} of them.",
             "After the sale there are", "How many {thing} are left?"),
    ), (
        Step("-", "Then {he} drops {n} {thing} and throws them away.",
             "Without the dropped ones there are", "How many {thing} does {name} still have?"),
        Step("+", "{friend} bakes {n} more {thing} for {name}.",
             "With those of {friend} there are", "How many {thing} are there now?"),
        Step("-", "The guests eat {n} {thing}.",
             "After the meal there are", "How many {thing} are left after the meal?"),
    ), (
        Step("/", "{He} packs all the {thing} into {n} equal boxes.",
             "Each of the {n} boxes holds", "How many {thing} are in each box?"),
        Step("*", "{He} puts {n} berries on each of the {thing}.",
             "With {n} each {name} needs", "How many berries does {name} need?", "berries"),
    )),
    Family("savings", ("dollars", "coins", "euros"), (
        Step("*", "{name} saves {a} {thing} a week for {n} weeks.",
             "In {n} weeks {name} saves", "How many {thing} does {name} save?"),
        Step("+", "{name} has {a} {thing} and earns {n} {thing} more.",
             "With the earnings {name} has", "How many {thing} does {name} have now?"),
    ), (
        Step("-", "{He} spends {n} {thing} on a book.",
             "After buying the book {name} has", "How many {thing} does {name} have left?"),
        Step("+", "An aunt gives {name} {n} {thing}.",
             "With the gift {name} has", "How many {thing} does {name} have with the gift?"),
        Step("-", "Then {he} pays {n} {thing} for a ticket.",
             "After the ticket {name} has", "How many {thing} does {name} have in the end?"),
    ), (
        Step("*", "A bicycle costs {n} times as much as {name} has now.",
             "{n} times as much is", "How many {thing} does the bicycle cost?"),
        Step("/", "{He} spends all {his} {thing} in {n} days, the same number each day.",
             "On each of the {n} days {name} spends",
             "How many {thing} does {name} spend each day?"),
    )),
    Family("garden", ("tulips", "roses", "trees", "cabbages", "bushes"), (
        Step("*", "A garden has {a} rows of {thing} with {n} {thing} in each row.",
             "{a} rows of {n} make", "How many {thing} are in the garden?"),
        Step("/", "{name} plants {a} {thing} in {n} equal rows.",
             "Each of the {n} rows gets", "How many {thing} are in each row?"),
    ), (
        Step("+", "There are {n} more {thing} at the fence of the garden.",
             "With those at the fence there are", "How many {thing} are there in all?"),
        Step("-", "A storm breaks {n} {thing}.",
             "After the storm there are", "How many {thing} are left?"),
        Step("+", "In spring {name} plants {n} new {thing}.",
             "After the spring there are", "How many {thing} are there after the spring?"),
    ), (
        Step("*", "Each of the {thing} gets {n} cups of water.",
             "At {n} cups each they get", "How many cups of water do they get?", "cups"),
        Step("/", "{n} gardeners care for all the {thing}, the same number each.",
             "Each of the {n} gardeners has", "How many {thing} does each gardener care for?"),
    )),
    Family("trip", ("children", "students", "visitors"), (
        Step("*", "To a zoo come {a} buses with {n} {thing} in each bus.",
             "{a} buses with {n} carry", "How many {thing} come to the zoo?"),
        Step("-", "A zoo has {a} {thing} in the morning, and {n} of them leave at noon.",
             "After noon the zoo has", "How many {thing} are still in the zoo?"),
    ), (
        Step("+", "Then {n} more {thing} arrive.",
             "With those who arrive there are", "How many {thing} are in the zoo now?"),
        Step("-", "Soon {n} {thing} go home.",
             "Without those who go home there are", "How many {thing} stay?"),
        Step("+", "At last {n} {thing} come by train.",
             "With those from the train there are", "How many {thing} are there in the end?"),
    ), (
        Step("/", "All the {thing} in the zoo form {n} equal teams.",
             "Each of the {n} teams has", "How many {thing} are in each team?"),
        Step("*", "Each of the {thing} in the zoo pays {n} dollars for a show.",
             "At {n} dollars each they pay", "How many dollars do they pay together?", "dollars"),
    )),
    Family("farm", ("eggs", "apples", "pears", "carrots"), (
        Step("+", "{name} collects {a} {thing} on Monday and {n} {thing} on Tuesday.",
             "On both days {name} collects", "How many {thing} does {name} collect?"),
        Step("*", "{name} fills {a} baskets with {n} {thing} each.",
             "{a} baskets of {n} hold", "How many {thing} are in the baskets?"),
    ), (
        Step("-", "{He} finds {n} bad {thing} and throws them away.",
             "Without the bad ones there are", "How many good {thing} are there?"),
        Step("+", "A neighbor brings {n} {thing} more.",
             "With those of the neighbor there are", "How many {thing} does {name} have then?"),
        Step("-", "{name} cooks {n} {thing}.",
             "After cooking there are", "How many {thing} are left after cooking?"),
    ), (
        Step("/", "{He} puts all {his} {thing} into {n} crates, the same number in each crate.",
             "Each of the {n} crates holds", "How many {thing} are in each crate?"),
        Step("*", "{He} sells all {his} {thing} for {n} cents each.",
             "At {n} cents each {name} earns", "How many cents does {name} earn?", "cents"),
    )),
)
