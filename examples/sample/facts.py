"""The small tables that the prompts ask about: common knowledge with one undisputed answer, or a few."""

# ruff: noqa: SIM905 - a table of words is easier to read and to check as lines of words

CAPITALS = dict(
    pair.split(":")
    for pair in (
        "France:Paris,Japan:Tokyo,Italy:Rome,Spain:Madrid,Germany:Berlin,Portugal:Lisbon,Greece:Athens,Norway:Oslo,"
        "Sweden:Stockholm,Finland:Helsinki,Denmark:Copenhagen,Poland:Warsaw,Austria:Vienna,Hungary:Budapest,"
        "Ireland:Dublin,Russia:Moscow,China:Beijing,India:New Delhi,Thailand:Bangkok,Vietnam:Hanoi,Egypt:Cairo,"
        "Kenya:Nairobi,Morocco:Rabat,Nigeria:Abuja,Ghana:Accra,Ethiopia:Addis Ababa,Canada:Ottawa,Cuba:Havana,"
        "Peru:Lima,Chile:Santiago,Argentina:Buenos Aires,Colombia:Bogota,Venezuela:Caracas,Australia:Canberra,"
        "Turkey:Ankara,Iran:Tehran,Iraq:Baghdad,Syria:Damascus,Lebanon:Beirut,Jordan:Amman,Nepal:Kathmandu,"
        "Ukraine:Kyiv,Romania:Bucharest,Bulgaria:Sofia,Serbia:Belgrade,Croatia:Zagreb,Belgium:Brussels,"
        "Iceland:Reykjavik,Jamaica:Kingston,Uruguay:Montevideo"
    ).split(",")
)

# Alternatives are separated by a slash: each of them passes.
OPPOSITES = dict(
    pair.split(":")
    for pair in (
        "hot:cold,big:small/little,up:down,fast:slow,happy:sad/unhappy,light:dark/heavy,open:closed/close/shut,"
        "full:empty,high:low,early:late,wet:dry,old:young/new,rich:poor,strong:weak,hard:soft/easy,thick:thin,"
        "wide:narrow,deep:shallow,clean:dirty,loud:quiet/soft/silent,left:right,day:night,north:south,east:west,"
        "win:lose,buy:sell,push:pull,begin:end/finish,inside:outside,before:after,black:white,true:false,"
        "love:hate,alive:dead,awake:asleep,brave:cowardly/fearful/timid,near:far,long:short,smooth:rough,sharp:dull/blunt,"
        "tight:loose,cheap:expensive,simple:complex/complicated/difficult,success:failure,accept:reject/refuse,"
        "arrive:depart/leave,ancient:modern,increase:decrease/reduce,remember:forget,summer:winter"
    ).split(",")
)

# English word -> (Spanish, French), without accents where a word has none to lose.
TRANSLATIONS = {
    english: tuple(both.split("/"))
    for english, both in (
        entry.split(":")
        for entry in (
            "dog:perro/chien,cat:gato/chat,house:casa/maison,water:agua/eau,bread:pan/pain,milk:leche/lait,"
            "book:libro/livre,red:rojo/rouge,green:verde/vert,white:blanco/blanc,sun:sol/soleil,moon:luna/lune,"
            "friend:amigo/ami,school:escuela/école,night:noche/nuit,day:día/jour,hand:mano/main,head:cabeza/tête,"
            "apple:manzana/pomme,cheese:queso/fromage,fish:pez/poisson,bird:pájaro/oiseau,tree:árbol/arbre,"
            "flower:flor/fleur,king:rey/roi,door:puerta/porte,city:ciudad/ville,sea:mar/mer,fire:fuego/feu,"
            "horse:caballo/cheval,mother:madre/mère,father:padre/père,brother:hermano/frère,sister:hermana/sœur,"
            "heart:corazón/cœur,thanks:gracias/merci,hello:hola/bonjour,yellow:amarillo/jaune,black:negro/noir,"
            "street:calle/rue,table:mesa/table,egg:huevo/œuf,snow:nieve/neige,rain:lluvia/pluie"
        ).split(",")
    )
}
LANGUAGES = ("Spanish", "French")

ANIMALS = (
    "sparrow wolf salmon lizard beetle otter camel falcon turtle whale rabbit goat spider penguin squirrel "
    "donkey octopus giraffe hamster leopard moose panther raccoon shark toad vulture walrus zebra badger crow "
    "dolphin ferret gorilla heron iguana jackal kangaroo lobster magpie newt"
).split()
THINGS = (
    "hammer bottle carpet engine ladder mountain pencil river spoon table umbrella violin window candle bridge "
    "blanket camera dictionary envelope fountain guitar helmet island jacket kettle lantern mirror necklace oven "
    "pillow rocket scissors telescope teapot vase wallet anchor bicycle cloud diamond"
).split()

# Larger unit, smaller unit, how many of the smaller in one of the larger.
UNITS = (
    ("hours", "minutes", 60),
    ("minutes", "seconds", 60),
    ("days", "hours", 24),
    ("weeks", "days", 7),
    ("years", "months", 12),
    ("kilometers", "meters", 1000),
    ("meters", "centimeters", 100),
    ("centimeters", "millimeters", 10),
    ("kilograms", "grams", 1000),
    ("liters", "milliliters", 1000),
    ("feet", "inches", 12),
    ("yards", "feet", 3),
    ("pounds", "ounces", 16),
    ("gallons", "quarts", 4),
    ("dollars", "cents", 100),
    ("decades", "years", 10),
)

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

WORDS = (
    "garden mirror planet button castle summer window letter basket dragon forest hammer island jungle kitten "
    "ladder market needle orange pepper rabbit silver ticket velvet winter yellow bottle candle doctor engine "
    "finger guitar harbor insect jacket kettle lemon mango noodle ocean pencil quartz ribbon saddle tunnel "
    "uncle violin walnut zipper anchor banana coffee desert elbow flower globe honey ivory jelly knife "
    "balloon cabbage diamond evening feather gallery hamster journey kitchen library morning network opinion "
    "pumpkin quarter railway station teacher village weather mississippi strawberry committee bookkeeper"
).split()

NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
).split()
