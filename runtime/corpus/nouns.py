"""The nouns. Each stands behind its German article; the groups say what goes with what."""

from runtime.corpus.words import Gender, Noun


def der(
    german: str, plural: str, english: str, english_plural: str = "", *, weak: bool = False
) -> Noun:
    """A masculine noun; a weak one has -n or -en outside the nominative singular."""
    return _noun(Gender.MASCULINE, german, plural, english, english_plural, weak=weak)


def die(german: str, plural: str, english: str, english_plural: str = "") -> Noun:
    return _noun(Gender.FEMININE, german, plural, english, english_plural)


def das(german: str, plural: str, english: str, english_plural: str = "") -> Noun:
    return _noun(Gender.NEUTER, german, plural, english, english_plural)


def _noun(
    gender: Gender,
    german: str,
    plural: str,
    english: str,
    english_plural: str,
    *,
    weak: bool = False,
) -> Noun:
    return Noun(
        english=english,
        english_plural=english_plural or english + "s",
        german=german,
        german_plural=plural,
        gender=gender,
        weak=weak,
    )


PROFESSIONS = (
    der("Lehrer", "Lehrer", "teacher"),
    der("Arzt", "Ärzte", "doctor"),
    der("König", "Könige", "king"),
    der("Bäcker", "Bäcker", "baker"),
    der("Bauer", "Bauern", "farmer", weak=True),
    der("Student", "Studenten", "student", weak=True),
    der("Polizist", "Polizisten", "policeman", "policemen", weak=True),
    die("Königin", "Königinnen", "queen"),
    die("Kellnerin", "Kellnerinnen", "waitress", "waitresses"),
    die("Schauspielerin", "Schauspielerinnen", "actress", "actresses"),
    die("Nonne", "Nonnen", "nun"),
    die("Hexe", "Hexen", "witch", "witches"),
)
ADULTS = (
    der("Mann", "Männer", "man", "men"),
    die("Frau", "Frauen", "woman", "women"),
    *PROFESSIONS,
)
CHILDREN = (
    der("Junge", "Jungen", "boy", weak=True),
    die("Prinzessin", "Prinzessinnen", "princess", "princesses"),
    das("Mädchen", "Mädchen", "girl"),
    das("Kind", "Kinder", "child", "children"),
)
KIN = (
    der("Vater", "", "father"),
    der("Bruder", "Brüder", "brother"),
    der("Onkel", "Onkel", "uncle"),
    der("Sohn", "Söhne", "son"),
    der("Großvater", "", "grandfather"),
    der("Freund", "Freunde", "friend"),
    der("Nachbar", "Nachbarn", "neighbour", weak=True),
    die("Mutter", "", "mother"),
    die("Schwester", "Schwestern", "sister"),
    die("Tante", "Tanten", "aunt"),
    die("Tochter", "Töchter", "daughter"),
    die("Großmutter", "", "grandmother"),
)
ANIMALS = (
    der("Hund", "Hunde", "dog"),
    der("Vogel", "Vögel", "bird"),
    der("Esel", "Esel", "donkey"),
    die("Katze", "Katzen", "cat"),
    die("Kuh", "Kühe", "cow"),
    die("Ziege", "Ziegen", "goat"),
    das("Pferd", "Pferde", "horse"),
    das("Schwein", "Schweine", "pig"),
    das("Kaninchen", "Kaninchen", "rabbit"),
)
DEVICES = (
    der("Schirm", "Schirme", "umbrella"),
    die("Kamera", "Kameras", "camera"),
    die("Gitarre", "Gitarren", "guitar"),
    das("Telefon", "Telefone", "phone"),
)
TRINKETS = (
    der("Ring", "Ringe", "ring"),
    der("Ball", "Bälle", "ball"),
    der("Schlüssel", "Schlüssel", "key"),
    die("Karte", "Karten", "map"),
    das("Messer", "Messer", "knife", "knives"),
    das("Bild", "Bilder", "picture"),
)
CLOTHES = (
    der("Mantel", "Mäntel", "coat"),
    der("Hut", "Hüte", "hat"),
    die("Jacke", "Jacken", "jacket"),
    die("Mütze", "Mützen", "cap"),
    das("Kleid", "Kleider", "dress", "dresses"),
    das("Hemd", "Hemden", "shirt"),
)
PRINT = (
    der("Roman", "Romane", "novel"),
    die("Zeitung", "Zeitungen", "newspaper"),
    das("Buch", "Bücher", "book"),
)
MANUSCRIPTS = (
    der("Brief", "Briefe", "letter"),
    die("Geschichte", "Geschichten", "story", "stories"),
    das("Gedicht", "Gedichte", "poem"),
)
FOOD = (
    der("Apfel", "Äpfel", "apple"),
    der("Kuchen", "Kuchen", "cake"),
    die("Birne", "Birnen", "pear"),
    die("Wurst", "Würste", "sausage"),
    das("Ei", "Eier", "egg"),
    das("Brötchen", "Brötchen", "roll"),
)
LUGGAGE = (
    der("Koffer", "Koffer", "suitcase"),
    die("Tasche", "Taschen", "bag"),
    die("Kiste", "Kisten", "box", "boxes"),
    das("Paket", "Pakete", "parcel"),
)
OPENINGS = (
    die("Tür", "Türen", "door"),
    das("Fenster", "Fenster", "window"),
    das("Tor", "Tore", "gate"),
)
FURNITURE = (
    der("Tisch", "Tische", "table"),
    der("Stuhl", "Stühle", "chair"),
    der("Schrank", "Schränke", "cupboard"),
    die("Lampe", "Lampen", "lamp"),
    die("Uhr", "Uhren", "clock"),
    das("Sofa", "Sofas", "sofa"),
    das("Bett", "Betten", "bed"),
)
VEHICLES = (
    der("Traktor", "Traktoren", "tractor"),
    die("Maschine", "Maschinen", "machine"),
    das("Auto", "Autos", "car"),
    das("Boot", "Boote", "boat"),
    das("Fahrrad", "Fahrräder", "bicycle"),
)
INDOORS = (
    der("Keller", "Keller", "cellar"),
    die("Küche", "Küchen", "kitchen"),
    das("Zimmer", "Zimmer", "room"),
    das("Büro", "Büros", "office"),
)
YARD = (
    der("Garten", "Gärten", "garden"),
    die("Scheune", "Scheunen", "barn"),
)
NATURE = (
    der("Wald", "Wälder", "forest"),
    der("Park", "Parks", "park"),
)
COMMUNITIES = (
    die("Stadt", "Städte", "town"),
    das("Dorf", "Dörfer", "village"),
)
INSTITUTIONS = (
    der("Bahnhof", "Bahnhöfe", "station"),
    die("Kirche", "Kirchen", "church", "churches"),
    die("Schule", "Schulen", "school"),
    die("Bibliothek", "Bibliotheken", "library", "libraries"),
)
ESTATES = (
    der("Palast", "Paläste", "palace"),
    die("Burg", "Burgen", "castle"),
    das("Museum", "Museen", "museum"),
    das("Hotel", "Hotels", "hotel"),
)
LANDMARKS = (
    der("Turm", "Türme", "tower"),
    der("Markt", "Märkte", "market"),
    der("Brunnen", "Brunnen", "fountain"),
    die("Brücke", "Brücken", "bridge"),
    die("Mauer", "Mauern", "wall"),
    das("Denkmal", "Denkmäler", "monument"),
)
TREASURES = (
    der("Korb", "Körbe", "basket"),
    die("Decke", "Decken", "blanket"),
    das("Seil", "Seile", "rope"),
)
OWNER = der("Besitzer", "Besitzer", "owner")

PEOPLE = ADULTS + CHILDREN
PERSONS = PEOPLE + KIN
SURROUNDINGS = NATURE + COMMUNITIES
BUILDINGS = INSTITUTIONS + ESTATES
ROOMS = INDOORS + YARD
READING = PRINT + MANUSCRIPTS
BELONGINGS = DEVICES + TRINKETS
EQUIPMENT = BELONGINGS + CLOTHES + FURNITURE + VEHICLES
GOODS = EQUIPMENT + PRINT
PORTABLE = BELONGINGS + CLOTHES + LUGGAGE + PRINT
THINGS = GOODS + MANUSCRIPTS + FOOD + LUGGAGE + OPENINGS
SIGHTS = BUILDINGS + LANDMARKS
INSIDE = ROOMS + SURROUNDINGS + BUILDINGS
