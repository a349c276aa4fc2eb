"""Verbs with an object, accusative or dative or both, and the copula."""

from runtime.corpus.function_words import IN, INTO
from runtime.corpus.intransitive_verbs import ANYWHERE
from runtime.corpus.nouns import (
    ANIMALS,
    BUILDINGS,
    CLOTHES,
    FOOD,
    FURNITURE,
    GOODS,
    INSIDE,
    KIN,
    LUGGAGE,
    MANUSCRIPTS,
    OPENINGS,
    PERSONS,
    PORTABLE,
    READING,
    ROOMS,
    SIGHTS,
    SURROUNDINGS,
    THINGS,
    VEHICLES,
    YARD,
)
from runtime.corpus.valency import slots, verb
from runtime.corpus.words import Aspect

BE = verb("be is was been being", "sein ist war gewesen", Aspect.STATE, moves=True)

KNOW = verb(
    "know knows knew known knowing",
    "kennen kennt kannte gekannt",
    Aspect.STATE,
    direct=PERSONS + SIGHTS + READING,
)
LOVE = verb(
    "love loves loved loved loving",
    "lieben liebt liebte geliebt",
    Aspect.STATE,
    direct=PERSONS + ANIMALS,
)
NEED = verb(
    "need needs needed needed needing",
    "brauchen braucht brauchte gebraucht",
    Aspect.STATE,
    direct=GOODS + LUGGAGE,
)
SEE = verb(
    "see sees saw seen seeing",
    "sehen sieht sah gesehen",
    Aspect.ACHIEVEMENT,
    subjects=PERSONS + ANIMALS,
    direct=PERSONS + ANIMALS + THINGS,
    setting=ANYWHERE,
)
HEAR = verb(
    "hear hears heard heard hearing",
    "hören hört hörte gehört",
    Aspect.ACHIEVEMENT,
    subjects=PERSONS + ANIMALS,
    direct=PERSONS + ANIMALS,
    setting=ANYWHERE,
)
FIND = verb(
    "find finds found found finding",
    "finden findet fand gefunden",
    Aspect.ACHIEVEMENT,
    direct=PORTABLE,
    setting=ANYWHERE,
)
LOSE = verb(
    "lose loses lost lost losing",
    "verlieren verliert verlor verloren",
    Aspect.ACHIEVEMENT,
    direct=PORTABLE,
    setting=slots(SURROUNDINGS + BUILDINGS, IN),
)
FORGET = verb(
    "forget forgets forgot forgotten forgetting",
    "vergessen vergisst vergaß vergessen",
    Aspect.ACHIEVEMENT,
    direct=PORTABLE,
)
BUY = verb(
    "buy buys bought bought buying",
    "kaufen kauft kaufte gekauft",
    direct=GOODS + FOOD,
)
SELL = verb(
    "sell sells sold sold selling",
    "verkaufen verkauft verkaufte verkauft",
    direct=GOODS + ANIMALS,
)
LOOK_FOR = verb(
    "look looks looked looked looking for",
    "suchen sucht suchte gesucht",
    direct=PORTABLE + ANIMALS + KIN,
    setting=slots(INSIDE, IN),
)
READ = verb(
    "read reads read read reading",
    "lesen liest las gelesen",
    direct=READING,
    setting=slots(ROOMS, IN),
)
EAT = verb(
    "eat eats ate eaten eating",
    "essen isst aß gegessen",
    subjects=PERSONS + ANIMALS,
    direct=FOOD,
    setting=slots(ROOMS, IN),
)
OPEN = verb(
    "open opens opened opened opening",
    "öffnen öffnet öffnete geöffnet",
    direct=LUGGAGE + OPENINGS,
)
CLOSE = verb(
    "close closes closed closed closing",
    "schließen schließt schloss geschlossen",
    direct=LUGGAGE[:2] + OPENINGS,
)
WASH = verb(
    "wash washes washed washed washing",
    "waschen wäscht wusch gewaschen",
    direct=CLOTHES + ANIMALS,
)
REPAIR = verb(
    "repair repairs repaired repaired repairing",
    "reparieren repariert reparierte repariert",
    direct=VEHICLES + FURNITURE,
    setting=slots(ROOMS, IN),
)
CARRY = verb(
    "carry carries carried carried carrying",
    "tragen trägt trug getragen",
    direct=LUGGAGE + FURNITURE,
    oblique=slots(ROOMS + BUILDINGS, INTO),
)
DRAW = verb(
    "draw draws drew drawn drawing",
    "zeichnen zeichnet zeichnete gezeichnet",
    direct=ANIMALS + SIGHTS,
)
WATCH = verb(
    "watch watches watched watched watching",
    "beobachten beobachtet beobachtete beobachtet",
    subjects=PERSONS + ANIMALS,
    direct=PERSONS + ANIMALS,
    setting=ANYWHERE,
)
FEED = verb(
    "feed feeds fed fed feeding",
    "füttern füttert fütterte gefüttert",
    direct=ANIMALS,
    setting=slots(YARD, IN),
)
HIDE = verb(
    "hide hides hid hidden hiding",
    "verstecken versteckt versteckte versteckt",
    direct=PORTABLE + MANUSCRIPTS,
    setting=ANYWHERE,
)
VISIT = verb(
    "visit visits visited visited visiting",
    "besuchen besucht besuchte besucht",
    direct=PERSONS + BUILDINGS[1:],
)
INVITE = verb(
    "invite invites invited invited inviting",
    "ein|laden lädt lud geladen",
    direct=PERSONS,
)
CALL = verb(
    "call calls called called calling",
    "an|rufen ruft rief gerufen",
    direct=PERSONS,
)

GIVE = verb(
    "give gives gave given giving",
    "geben gibt gab gegeben",
    direct=PORTABLE + FOOD,
    dative=PERSONS,
)
SHOW = verb(
    "show shows showed shown showing",
    "zeigen zeigt zeigte gezeigt",
    direct=THINGS + ANIMALS,
    dative=PERSONS,
)
SEND = verb(
    "send sends sent sent sending",
    "schicken schickt schickte geschickt",
    direct=PORTABLE + MANUSCRIPTS,
    dative=PERSONS,
)
BRING = verb(
    "bring brings brought brought bringing",
    "bringen bringt brachte gebracht",
    direct=PORTABLE + FOOD + MANUSCRIPTS,
    dative=PERSONS,
)
LEND = verb(
    "lend lends lent lent lending",
    "leihen leiht lieh geliehen",
    direct=GOODS,
    dative=PERSONS,
)
RETURN = verb(
    "return returns returned returned returning",
    "zurück|geben gibt gab gegeben",
    direct=GOODS,
    dative=PERSONS,
)

HELP = verb(
    "help helps helped helped helping",
    "helfen hilft half geholfen",
    dative=PERSONS,
    setting=slots(ROOMS, IN),
)
THANK = verb("thank thanks thanked thanked thanking", "danken dankt dankte gedankt", dative=PERSONS)
FOLLOW = verb(
    "follow follows followed followed following",
    "folgen folgt folgte gefolgt",
    subjects=PERSONS + ANIMALS,
    moves=True,
    dative=PERSONS + ANIMALS,
    setting=slots(ROOMS + SURROUNDINGS, INTO),
)
TRUST = verb(
    "trust trusts trusted trusted trusting",
    "vertrauen vertraut vertraute vertraut",
    Aspect.STATE,
    dative=PERSONS,
)
ANSWER = verb(
    "answer answers answered answered answering",
    "antworten antwortet antwortete geantwortet",
    dative=PERSONS,
)
CONGRATULATE = verb(
    "congratulate congratulates congratulated congratulated congratulating",
    "gratulieren gratuliert gratulierte gratuliert",
    dative=PERSONS,
)
LISTEN_TO = verb(
    "listen listens listened listened listening to",
    "zu|hören hört hörte gehört",
    dative=PERSONS,
    setting=slots(ROOMS, IN),
)
BELONG_TO = verb(
    "belong belongs belonged belonged belonging to",
    "gehören gehört gehörte gehört",
    Aspect.STATE,
    subjects=GOODS + ANIMALS,
    dative=PERSONS,
)

STATES = (KNOW, LOVE, NEED, TRUST, BELONG_TO)
ACHIEVEMENTS = (SEE, HEAR, FIND, LOSE, FORGET)
DITRANSITIVE = (GIVE, SHOW, SEND, BRING, LEND, RETURN)
ACTIONS = (
    *(BUY, SELL, LOOK_FOR, READ, EAT, OPEN, CLOSE, WASH, REPAIR, CARRY, DRAW, WATCH, FEED, HIDE),
    *(VISIT, INVITE, CALL, HELP, THANK, FOLLOW, ANSWER, CONGRATULATE, LISTEN_TO),
    *DITRANSITIVE,
)
