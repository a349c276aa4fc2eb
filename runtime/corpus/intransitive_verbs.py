"""Verbs without an object: moving, being somewhere, and verbs that govern a preposition."""

from runtime.corpus.function_words import (
    BACK_FROM,
    BEHIND,
    DREAM_OF,
    FROM,
    IN,
    IN_FRONT_OF,
    INTO,
    LAUGH_AT,
    OUT_OF,
    TALK_TO,
    THINK_OF,
    TO,
    WAIT_FOR,
    WITH,
    WITHOUT,
)
from runtime.corpus.nouns import (
    ADULTS,
    ANIMALS,
    BUILDINGS,
    CLOTHES,
    GOODS,
    INSIDE,
    KIN,
    PERSONS,
    ROOMS,
    SIGHTS,
    SURROUNDINGS,
)
from runtime.corpus.valency import slots, verb
from runtime.corpus.words import Aspect

ANYWHERE = slots(INSIDE, IN) + slots(SIGHTS, BEHIND, IN_FRONT_OF)
COMPANY = slots(PERSONS, WITH, WITHOUT)

GO = verb(
    "go goes went gone going",
    "gehen geht ging gegangen",
    moves=True,
    oblique=slots(BUILDINGS, TO) + slots(ROOMS + SURROUNDINGS, INTO),
    setting=COMPANY,
)
RUN = verb(
    "run runs ran run running",
    "laufen läuft lief gelaufen",
    moves=True,
    subjects=PERSONS + ANIMALS,
    oblique=slots(SIGHTS, TO) + slots(INSIDE, INTO, OUT_OF),
)
DRIVE = verb(
    "drive drives drove driven driving",
    "fahren fährt fuhr gefahren",
    subjects=ADULTS + KIN,
    moves=True,
    oblique=slots(BUILDINGS, TO) + slots(SURROUNDINGS, INTO),
    setting=COMPANY,
)
COME_BACK = verb(
    "come comes came come coming back",
    "zurück|kommen kommt kam gekommen",
    moves=True,
    oblique=slots(SIGHTS, FROM) + slots(SURROUNDINGS, BACK_FROM),
    setting=COMPANY,
)
SLEEP = verb(
    "sleep sleeps slept slept sleeping",
    "schlafen schläft schlief geschlafen",
    subjects=PERSONS + ANIMALS,
    oblique=slots(ROOMS + BUILDINGS, IN) + slots(SIGHTS, BEHIND),
)
FALL_ASLEEP = verb(
    "fall falls fell fallen falling asleep",
    "ein|schlafen schläft schlief geschlafen",
    Aspect.ACHIEVEMENT,
    subjects=PERSONS + ANIMALS,
    moves=True,
    oblique=slots(ROOMS + BUILDINGS, IN),
)
SIT = verb(
    "sit sits sat sat sitting",
    "sitzen sitzt saß gesessen",
    subjects=PERSONS + ANIMALS,
    oblique=ANYWHERE,
)
WORK = verb(
    "work works worked worked working",
    "arbeiten arbeitet arbeitete gearbeitet",
    oblique=slots(ROOMS + SURROUNDINGS + BUILDINGS, IN),
    setting=COMPANY,
)
PLAY = verb(
    "play plays played played playing",
    "spielen spielt spielte gespielt",
    oblique=slots(PERSONS + ANIMALS, WITH),
    setting=ANYWHERE,
)
DANCE = verb(
    "dance dances danced danced dancing",
    "tanzen tanzt tanzte getanzt",
    oblique=slots(PERSONS, WITH),
    setting=ANYWHERE,
)
SING = verb(
    "sing sings sang sung singing",
    "singen singt sang gesungen",
    oblique=ANYWHERE,
    setting=COMPANY,
)
WAIT = verb(
    "wait waits waited waited waiting",
    "warten wartet wartete gewartet",
    oblique=slots(PERSONS, WAIT_FOR),
    setting=ANYWHERE,
)
TALK = verb(
    "talk talks talked talked talking",
    "sprechen spricht sprach gesprochen",
    oblique=slots(PERSONS, TALK_TO),
    setting=ANYWHERE,
)
THINK = verb(
    "think thinks thought thought thinking",
    "denken denkt dachte gedacht",
    oblique=slots(PERSONS + SURROUNDINGS, THINK_OF),
)
DREAM = verb(
    "dream dreams dreamt dreamt dreaming",
    "träumen träumt träumte geträumt",
    oblique=slots(PERSONS + GOODS, DREAM_OF),
)
LAUGH = verb(
    "laugh laughs laughed laughed laughing",
    "lachen lacht lachte gelacht",
    oblique=slots(PERSONS + CLOTHES, LAUGH_AT),
)

BELIEVE = verb("believe believes believed believed believing", "glauben glaubt glaubte geglaubt")
HOPE = verb("hope hopes hoped hoped hoping", "hoffen hofft hoffte gehofft")
SAY = verb("say says said said saying", "sagen sagt sagte gesagt")
KNOW_THAT = verb("know knows knew known knowing", "wissen weiß wusste gewusst", Aspect.STATE)
ASK = verb("ask asks asked asked asking", "fragen fragt fragte gefragt")

MOTION = (GO, RUN, DRIVE, COME_BACK)
POSTURE = (SLEEP, SIT, WORK, SING)
PREPOSITIONAL = (PLAY, DANCE, WAIT, TALK, THINK, DREAM, LAUGH)
ACTIVITIES = MOTION + POSTURE + PREPOSITIONAL
