"""Full stops that end no sentence: of titles, months, initials, ordinals and other abbreviations.

A kept table: `pysbd`, the library for this, has had no release since 2021 and no types, and it cuts
whole texts, while here one gap is judged at a time, in the server and in the page alike. The page's
copy, `web_demo/abbreviations.js`, is made from this one:

    .venv/bin/python scripts/make_page_tables.py

Only what people write with a full stop and say in running speech is here. What is also a word that
may end a sentence ("no", "mar", "gen") has a weaker kind, or is left out.
"""

import re
from typing import Literal
from unicodedata import category

Kind = Literal["before", "inside", "numbered", "either"]
"""What the full stop says:

before: what follows belongs to it (Dr. Smith).
inside: the same, unless what follows begins a sentence (Jan. 5, St. Paul).
numbered: the same as `before` where a number or a letter in its place follows, else a word of its own
    (No. 5, App. B).
either: it stands inside a sentence or at its end (p.m., etc.).
"""

ABBREVIATIONS: dict[str, dict[Kind, str]] = {
    "": {  # in all languages
        "before": "Dr Mr Mrs Ms Prof",
    },
    "cs": {
        "before": "Bc Ing JUDr MUDr Mgr PhDr RNDr doc ing mgr např pí prof sl sv tzv",
        "inside": "čp str ul",
        "either": "apod atd mil min mld obr resp tis",
    },
    "da": {
        "before": "Chr Skt adm ca dr evt fhv fr hr ift jf prof vedr f.eks",
        "inside": "apr aug dec feb nov okt sept",
        "numbered": "art jan kap kl nr pkt s stk",
        "either": "bl eks etc kr mia mio osv pct",
    },
    "de": {
        "before": "Abg Abt Bhf Dipl Frl Gebr Hl Hr Hrn Ing Kath Lt Mag OStR Prim RA St bspw bzw "
        "ca dipl dr eigtl einschl evtl geb gegr gem ggf hl ing inkl insb kath mind näml prof resp "
        "sog spez städt stellv tägl ugs ursprüngl verh vgl vs zzgl d.h i.d.R m.E o.g s.o s.u u.a "
        "u.U v.a z.B z.T z.Z z.Zt",
        "inside": "Abb Abs Apr Aug Bd Dez Feb Febr Fr Gen Nov Okt Sep Sept Str Ziff",
        "numbered": "Art Jan Jul Jun Kap Min Nr Rn S art nr",
        "either": "Chr Hrsg Jh Jhd Mill Mio Mrd Std Tsd etc usf usw",
    },
    "en": {
        "before": "Adm Amb Asst Atty Bp Brig Capt Cmdr Col Cpl Det Drs Ex Fig Figs Gen Gov Govs "
        "Hon Insp Lieut Lt Maj Messrs Mgr Mlle Mme Msgr Mt Mx Pfc Pres Profs Pvt Rep Reps Rev Sen "
        "Sens Sgt Spc Supt Treas Vol Vols approx cf esp incl viz vs e.g i.e",
        "inside": "Apr Aug Dec Feb Fr Ft Jan Jul Jun Nov Oct Sep Sept St Ste",
        "numbered": "Art Ch Mar Matt No Nos Ps Pt Sec app art ch ed eq ext fig figs no nos op p "
        "para pp pt sec vol vols",
        "either": "Ala Ariz Ark Assn Ave Bldg Blvd Bros Calif Co Colo Conn Corp Del Dept Esq Fla "
        "Inc Jr Ltd Md Mfg Mich Minn Mon Nev Okla Ore Pkwy Rd Snr Sr Tenn Tex Thur Thurs Tue Tues "
        "Univ Va Vt Wed Wis Wyo al dept est etc ft hr hrs lb lbs max min mins misc mph oz yds",
    },
    "es": {
        "before": "Arq Cap Cdte Cnel Dn Dra Dras Dres Excma Excmo Fr Gral Ilma Ilmo Ing Lcda Lcdo "
        "Lic Mons Pbro Pdte Profa Rdo Rev Sgto Sr Sra Sras Sres Srta Srtas Sta Sto Tte Ud Uds Vd "
        "Vds aprox atte avda dr dra gral ing lic prof sr sra sras sres srta p.ej",
        "inside": "Art Fig Núm Pág Tel Vol abr ago dic ene feb jul jun nov núm oct pág págs sept",
        "numbered": "No art cap fig mar n.º tel vol",
        "either": "Cía Hnos Jr Ltda etc hnos",
    },
    "fi": {
        "before": "dos esim huom mm nk ns oik prof synt toht vrt",
        "numbered": "klo nro s",
        "either": "eKr jKr jne milj mrd ym yms",
    },
    "fr": {
        "before": "Cdt Ch Cne Dr Gal Lt M MM Me Mgr Mlle Mlles Mme Mmes Ph Pr Ste Th Vve av boul "
        "cf env c.-à-d p.ex",
        "inside": "Fig St Vol avr chap déc fév févr janv juil nov oct",
        "numbered": "Art No art fig p pp sept tél vol",
        "either": "Cie Inc Jr Ltée Sté apr etc hab max min",
    },
    "hi": {
        "before": "डॉ पं प्रो श्री श्रीमती सुश्री",
    },
    "hu": {
        "before": "Id Ifj Szt dr id ifj ill prof pl ún özv",
        "either": "Kft kb stb",
    },
    "id": {
        "before": "Bpk Dra Drs Hj Ir Ny Sdr Tn",
        "numbered": "Jl No hlm no",
        "either": "dll dsb dst",
    },
    "it": {
        "before": "Avv Cav Comm Dott Ecc Egr Geom Ill Ing Mons On Rag Rev Sen Sig Sigg Spett arch "
        "avv ca cav cfr dott fam geom ing mons on prof rag rev sig sigg spett p.es",
        "inside": "Cap Col Fig Gen Vol ago apr dic feb gen giu lug nov num ott pag pagg",
        "numbered": "Art art cap fig mag mar set tel vol",
        "either": "Jr ecc etc",
    },
    "nl": {
        "before": "Dhr Drs Gebr Ing Ir Jhr Lt Mej Mevr Mgr Mw bijv ca dhr dr drs evt excl geb gem "
        "ing ir incl jl jhr mej mevr mr mw ongev prof resp vgl vnl zgn zog d.w.z m.a.w m.b.t o.a "
        "t.a.v",
        "inside": "Apr Aug Dec Feb Nov Okt Sept St apr aug dec feb nov okt sept",
        "numbered": "Art Jan Nr art blz fig hfst jan nr p pag vol",
        "either": "enz enzv etc jr mld mln sr",
    },
    "no": {
        "before": "Chr St ca dr evt fhv fr frk hr iflg jf prof vedr f.eks",
        "inside": "apr aug des feb nov okt sept",
        "numbered": "art jan kap kl nr pkt s",
        "either": "bl eks etc kr mill mrd osv pst",
    },
    "pl": {
        "before": "al bp cyt dr ds dyr hab inż kard kpt ks mec mgr mjr np ob płk por ppłk prof "
        "przew red rtm sędz tj tzn tzw ul woj zob śp św",
        "inside": "godz im os pl gen",
        "numbered": "art cz fig kl lp nr par pkt poz rozdz rys s str tel tom ust",
        "either": "itd itp jr m m.in mies mld mln p r sek szt tys w zł",
    },
    "pt": {
        "before": "Arq Av Cel Cmdt Dep Dra Dras Drs Eng Enga Exma Exmo Ilma Ilmo Mons Pe Profa "
        "Profas Profs Rev Sgto Sr Sra Sras Srs Srta Sta Sto aprox av cf dr dra eng prof profa sr "
        "sra srs srta p.ex",
        "inside": "Cap Fig Gen Sen Vol abr ago dez fev jan jul jun nov núm out pág págs",
        "numbered": "Art No art cap fig mai mar n.º set tel vol",
        "either": "Cia Jr Ltda etc",
    },
    "ro": {
        "before": "Dl Dna Sf dl dlui dna dr ing pr prof sf",
        "inside": "alin aug feb ian iul iun oct pag str",
        "numbered": "art bl cap dec fig nov nr tel vol",
        "either": "etc mil mld",
    },
    "ru": {
        "before": "акад архим бул гос гр гр-н деп доц г-жа г-н инж корп митр наб напр просп проф "
        "св тов ул т.е т.к т.н",
        "inside": "авг апр вып гл ген дек изд им июл июн кн окт пер пл ноя нояб обл пос рис сен "
        "сент стр табл фев февр ст янв",
        "numbered": "дом кв ном тел",
        "either": "г гг д др долл коп м млн млрд мин н п пр проц руб сек см тыс час э",
    },
    "sv": {
        "before": "Chr S:t St bl ca dr evt fru hr inkl jfr prof resp sk t.ex d.v.s",
        "inside": "apr aug dec feb nov okt sept",
        "numbered": "art fig jan kap kl nr s sid tel",
        "either": "dyl etc kr milj osv",
    },
    "tr": {
        "before": "Alb Arş Av Bnb Bşk Doç Dr Gn Gör Hz Müh Op Ord Prof Sn Tğm Uzm Yrd Yzb Öğr "
        "Ütğm bkz cd çev dr hz mah prof sn",
        "inside": "Blv Cad Mah Sok",
        "numbered": "No Sf no sf",
        "either": "Ltd vb vd vs Şti",
    },
    "uk": {
        "before": "акад бул вул гр доц інж наб напр просп проф св тов",
        "inside": "ген гл ім кн обл пл рис ст стор табл",
        "numbered": "кв тел",
        "either": "г грн д др коп м млн млрд н п р рр тис",
    },
    "vi": {
        "before": "PGS ThS TP TS",
    },
}
"""By language and kind, without the full stop. What is in small letters holds for capitals too."""

STARTERS: dict[str, str] = {
    "de": "aber als am an auch auf aus bei da danach dann das dass dem den denn der deshalb die "
    "dies diese dieser dieses doch du ein eine einem einen einer er es für gestern hat heute hier "
    "ich ihr im in ist jetzt kein keine man mein mit nach nein nicht nun nur ob oder schon sein "
    "seit sie sind so und unser vielleicht von vor warum was weil wenn wer wie wir wo zu zum zur",
    "en": "a about after all also although an and another are as at because before but by can "
    "could did do does during each even every for from has have he her here his how however i if "
    "in is it its let many maybe more most my nobody not now of on once one only or other our "
    "please she should since so some still such than thank thanks that the their then there these "
    "they this those through to today tomorrow under until was we well were what when where which "
    "while who why will with would yes yesterday yet you your",
    "es": "a además ahora al allí antes aquel aquella así aún aunque ayer cada como con cuando de "
    "del desde después donde durante el él ella ellas ellos en entonces entre era es esa ese eso "
    "esta este esto fue hasta hay hoy la las le les lo los luego mi mientras muchos nadie ni no "
    "nos nosotros nuestra nuestro o para pero por porque pues que quién se según si sí sin sobre "
    "son su sus también tampoco todo todos tras un una unos y ya yo",
    "fr": "à ainsi alors après au aujourd'hui aussi aux avant avec beaucoup c'est c'était car ce "
    "cela cependant ces cet cette chaque comme dans de depuis des donc du elle elles en enfin "
    "ensuite et hier il ils j'ai je la le les leur leurs lors lorsque mais même mon ne non nos "
    "notre nous on or où oui par parce pas pendant pour pourquoi puis quand que quel quelle qui "
    "sans se selon ses si son sous sur tous tout toutes très tu un une voici voilà vos votre vous",
    "it": "a alla allora anche ancora c'è che chi ci come con così da dal dalla del della di dopo "
    "dove durante e è ecco ed era erano fu gli ha hanno ho i ieri il in infatti invece io la le "
    "lei lo loro lui ma mentre mi molti nei nel nella nessuno no noi non nostra nostro o oggi "
    "ogni ora per perché poi quando quanto quella quello questa queste questi questo qui se senza "
    "si sì sono su sul sulla tra tutti tutto un una uno voi",
    "nl": "aan al alle als bij dan dat de deze die dit doch door dus een en er gisteren haar heb "
    "heeft het hier hij hoe hun ik in is ja je jij jullie kan maar meer men met mijn morgen na "
    "naar nee niemand niet nog nu of om omdat onder ons onze ook op over sinds te tegen toen tot "
    "uit van vandaag veel volgens voor waar waarom wanneer want was wat we wie wij ze zij zijn zo "
    "zonder",
    "pl": "a aby ale bo co czy dla dlaczego dlatego do dziś dzisiaj gdy gdzie i ich ile ja jak "
    "jednak jego jej jest jeszcze jeśli już każdy kiedy kto która który lub ma mam moja może mój "
    "my na nad nasz nie nikt o od on ona oni one oraz po pod podczas ponieważ potem przed przez "
    "przy są ta tak także tam te ten teraz to tu tylko ty w więc wczoraj wszyscy wszystko wtedy "
    "wy z za ze że żeby",
    "pt": "a agora ainda ali antes ao aos apenas aquela aquele aqui as assim até cada com como da "
    "das de depois desde do dos durante e é ela elas ele eles em então entre era essa esse esta "
    "está este eu foi há hoje isso isto já lá mais mas muito muitos na não nas nem ninguém no nos "
    "nossa nosso nós o onde ontem os ou para pela pelo pois por porque quando que quem se segundo "
    "sem sempre seu seus sim só sobre sua suas também todos tudo um uma você vocês vamos",
    "ru": "а без был была было были в вам вас ведь во вот все всё вы где да даже для до его если "
    "есть ещё её же за здесь и из или им их к как когда кто ли мне мой мы на над нам нас наш не "
    "нет ни никто но ну о об он она они оно от по под поэтому потом потому почему при про с "
    "сегодня сейчас со так также там теперь то тогда тоже только тут ты у уже хотя чем через что "
    "чтобы эта эти это этот я вчера",
    "tr": "ama ancak artık aslında bana bazı belki ben beni benim bir biraz biz bizim böyle bu "
    "buna bunlar bunu bunun burada bütün çok çünkü da daha de dün en evet fakat gibi hangi hayır "
    "hem hep hepsi her herkes hiç için ile ise kim mi nasıl ne neden nerede o ona onlar onu onun "
    "oysa öyle sadece sen siz sonra şimdi şöyle şu tüm üstelik var ve veya ya yani yine yok bugün "
    "yarın",
    "uk": "а але без був була було були в вам вас ви від він вона вони вчора де для до його є за "
    "зараз з і із інші її їх як якщо коли ми мені мій на над нам нас наш не ні ніхто ну о об по "
    "під після при про сьогодні та так також там тепер ти тільки то тоді тому у хоча хто це цей "
    "ця ці через чи чому що щоб я",
}
"""Words that begin sentences, and hardly a name, by language; in small letters."""

PARTICLES = (
    "al ap da dal dalla das de degli dei del della den der des di do dos du e el la las le les lo "
    "los of ten ter van vom von y zu zum zur"
)
"""These begin a surname too: after an initial they begin no sentence."""

ORDINALS = "bg bs cs da de et fi fo hr hu is lb lv nn no pl sk sl sr tr"
"""Languages whose ordinal numbers are written with a full stop."""

WORDS_OF_A_LETTER = "яéèàòùöåø"
"""These may end a sentence; a full stop after another single small letter is of an abbreviation."""

_AROUND = "\"'“”„‘’‚«»‹›()[]{}¿¡ \u00a0\u202f"
_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.[-\u00a0\u202f]?)+[^\W\d_]{1,3}")
_JOINT = re.compile(r"['’/-]")
_ORDINAL = re.compile(r"\d{1,3}|[IVX]+")
_NUMBER = re.compile(r"[\W_]?\d|[IVXLC]{2,}\b")
_LETTER = re.compile(r"[A-Z]")
_ALPHABETS_END = "\u0e00"
"""Before Thai: of the scripts from there on, a single character may be a word."""

_KINDS: dict[str, dict[str, Kind]] = {
    language: {word: kind for kind, words in kinds.items() for word in words.split()}
    for language, kinds in ABBREVIATIONS.items()
}
_STARTERS = {language: frozenset(words.split()) for language, words in STARTERS.items()}
_PARTICLES = frozenset(PARTICLES.split())
_ORDINALS = frozenset(ORDINALS.split())
_VOWELS = frozenset("aeiou")
"""These are words in one language or another."""


def may_end_sentence(word: str, after: str, language: str) -> bool:
    """Whether the full stop with which a word ends may be the end of a sentence.

    `word`, and `after`, the next one, are as they stand in the text, with the marks around them;
    `after` is empty where it is not known. `language` is a code such as `en`, or empty.
    """
    name = word.strip(_AROUND).removesuffix(".")
    kind = _kind(name, language)
    after = after.strip(_AROUND)
    # Turkish has a capital with a dot, whose small letter has two otherwise.
    starter = after.strip(",;:.!?…").lower().replace("\u0307", "")
    if kind is None or (kind == "numbered" and not _counts(after, starter, language)):
        return True
    if kind in ("before", "numbered"):
        return False
    if not after:
        return kind == "either"
    if category(after[0]) != "Lu":
        return False
    if language not in _STARTERS:
        return kind == "either"
    initial = len(name) == 1 and name.isalpha() and starter in _PARTICLES
    return starter in _STARTERS[language] and not initial


def _counts(after: str, starter: str, language: str) -> bool:
    """Whether a number follows, or in its place a capital letter that is no word of the language."""
    if _NUMBER.match(after):
        return True
    letter = len(starter) == 1 and _LETTER.match(after) is not None
    return letter and starter not in _STARTERS.get(language, _VOWELS)


def _kind(name: str, language: str) -> Kind | None:
    """What a full stop after this says; None where it is an ordinary one."""
    if (kind := _listed(name, language)) is not None:
        return kind
    if len(name) == 1 and category(name) == "Ll":
        return None if name in WORDS_OF_A_LETTER else "before"
    if len(name) == 1 and category(name) == "Lu":
        return None if name == "I" and language == "en" else "inside"
    if len(name) == 1 and category(name) == "Lo":
        return "before" if name < _ALPHABETS_END else None
    if _ORDINAL.fullmatch(name) and (language in _ORDINALS or name.isdecimal()):
        return "inside" if language in _ORDINALS else "either"
    # Of what is joined the last part counts: l'on., Dipl.-Ing.
    joined = _listed(_JOINT.split(name)[-1], language)
    return joined or ("either" if _DOTTED.fullmatch(name) else None)


def _listed(name: str, language: str) -> Kind | None:
    """What the tables say of a full stop after this."""
    forms = (name, name.lower(), *([name.capitalize()] if name.isupper() else []))
    for kinds in (_KINDS.get(language, {}), _KINDS[""]):
        for form in forms:
            if form in kinds:
                return kinds[form]
    return None
