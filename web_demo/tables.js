/** Made by `scripts/make_page_tables.py` of the server's tables. */

// `captioning/abbreviations.py` says what is what.
export const ABBREVIATIONS = {
  "": {
    "before": "Mr Mrs Ms Prof dr vs",
    "either": "Corp Inc Jr Ltd"
  },
  "bg": {
    "before": "акад арх бул вж г-жа г-н г-ца ген гр д-р доц еп инж кап митр напр обл патр подполк проф св ул чл т.е т.нар",
    "inside": "авг апр дек ноем окт пл септ февр ян",
    "numbered": "ап вх ет ок стр тел",
    "either": "г др лв млн млрд полк пр ст хил"
  },
  "bn": {
    "before": "ইঞ্জি ডা প্রফ মি মিসেস মুহ মো মোছা মোসা"
  },
  "bs": {
    "before": "akad br dipl doc gosp ing inž mr npr prof sc sv tj tzv ul",
    "numbered": "str tel čl",
    "either": "god itd med mil min mlrd"
  },
  "ca": {
    "before": "Av Dra Emm Excm Hble Il·lm Mn Pg Pl Prof Rvd Rvdm Sr Sra Sres Srs Srta St Sta aprox av dra núm prof sr sra p.ex",
    "inside": "febr nov oct pàg pàgs",
    "numbered": "art cap des fig gen set tel vol",
    "either": "Cia etc màx mín"
  },
  "cs": {
    "before": "Bc Ing JUDr MDDr MSDr MUDr MVDr MgA Mgr PaedDr PhDr PharmDr RNDr RSDr ThDr ThLic arch doc gen ing kard kpt mgr mj mjr např npor plk por pplk prap prof pí rtm sl sv tj tzv vč zvl",
    "inside": "str ul čp",
    "numbered": "kap odst roč tab tel",
    "either": "aj apod atd hod mil min mld obr resp tis"
  },
  "da": {
    "before": "Chr Skt adm afd ca cand dr eks ekskl evt fhv fr frk gl hr ift ing inkl jf kapt pga prof vedr bl.a d.v.s f.eks",
    "inside": "apr aug dec feb gen nov okt sept",
    "numbered": "art fig fre jan kap kl lør man min nr ons pkt s stk søn tirs tlf tors",
    "either": "bl etc kr mag mia mio osv pct red"
  },
  "de": {
    "before": "Abg Abt Adm Bf Bgm Bhf DDr Dipl Dkfm Doz Dres Exz Fam Frhr Frl Gebr Hausnr Hl Hptm Hr Hrn Ing Kard Kath Kpt LAbg Lt Ltn MMag Mag Maj Msgr OStR Oblt Pfr Prim Priv Präs RA Rdnr Rz Schw St Uffz Vors bspw bzw ca cand dipl dr eigtl einschl evtl geb gegr gem ggf hl ing inkl insb kath mind näml prof rer resp sog spez stellv stud städt tägl ugs ursprüngl verh vgl zzgl d.h i.d.R m.E o.g s.o s.u u.U u.a v.a z.B z.T z.Z z.Zt",
    "inside": "Abb Abs Anm Apr Aug Bd Bde Br Buchst Dez Feb Febr Fr Gen Jg Nov Okt Pl Sep Sept Str Ziff",
    "numbered": "Art Jan Jul Jun Kap Min Nr Rn S art nr",
    "either": "Assoc Chr Co Di Do Ges Hbf Hrsg Jh Jhd Mi Mill Mio Mo Mrd Sa Sr Std Tel Tsd Univ dent etc habil iur jun jur med nat oec phil sc sen theol usf usw vet"
  },
  "el": {
    "before": "Αγ Λεωφ αγ αρ βλ δηλ δρ κα καθ κυρ λεωφ στρ π.χ",
    "inside": "Απρ Αυγ Δεκ Ιαν Ιουλ Ιουν Μαρ Νοε Νοεμ Οκτ Σεπ Σεπτ Φεβ Φεβρ",
    "numbered": "εικ κεφ σελ τηλ",
    "either": "δισ εκ εκατ κλπ κτλ χιλ"
  },
  "en": {
    "before": "Abp Adm Ald Amb Asst Atty Bdr Bp Brig Brigs Capt Capts Cdr Cdre Chmn Cllr Cmdr Cmdt Col Cols Comdr Cpl Cpls Cpt Cst Dep Det Drs Engr Ens Ex Fig Figs Flt Gen Gens Gov Govs Hon Hons Insp Intl LCpl Lieut Lt Lts MSgt Maj Mdm Messrs Mgr Mlle Mme Mmes Msgr Mt Mx Natl Ofc Pfc Pres Prof Profs Pte Pty Pvt Rep Reps Rev Rt SSgt Sen Sens Sgt Sgts Spc Sqn Supt TSgt Treas Ven Vol Vols Wg approx cf cu esp incl intl natl sq viz e.g i.e",
    "inside": "Apr Aug Dec Feb Fr Ft Jan Jul Jun Nov Oct Sep Sept St Ste",
    "numbered": "Art Bk Ch Chap Chaps Mar Matt No Nos Pg Pgs Ps Pt Sun app art ca ch chap chaps ed eq ext fig figs no nos op par para pg pgs pp pt sec sect ver vol vols",
    "either": "Acad Ala Apt Ariz Ark Assn Assoc Assocs Ave Bldg Blvd Bros Calif Cir Cmte Co Colo Comm Conn Cos Ct Del Dept Dist Div Esq Expy Fla Fri Fwy Ga Govt Hosp Hts Hwy Ida Ill Ind Inst Kan Kans Ky Ln Mass Md Mfg Mich Minn Miss Mo Mon Mont Mtn Mtns Neb Nebr Nev Okla Ore Pa Penn Penna Pkwy Pl Plc Rd Rm Rte Sat Sec Snr Soc Sq Sr Tel Tenn Ter Tex Thu Thur Thurs Tpke Tue Tues Univ Va Vt Wash Wed Weds Wis Wyo al avg dept est etc ft govt hr hrs ibid lb lbs max min mins misc mph oz prof secs tbsp tel tsp yds yr yrs"
  },
  "es": {
    "before": "Abg Abog Alm Arq Av Brig Cap Cdte Cmdte Cnel Col Comdte Cte Ctra Dip Dn Dra Dras Dres Drs Edo Emmo Excma Excmo Fco Fr Gob Gpe Gral Hna Hno Ilma Ilmo Iltmo Ing Lcda Lcdo Lda Ldo Lic Magdo Min Mons Mtra Mtro Ntra Pbro Pdta Pdte Plza Pres Profa Psic Pza Rda Rdo Rev Rvda Rvdmo Rvdo Sen Sgt Sgto Sr Sra Sras Sres Srta Srtas Sta Sto Subte Tcnel Tte Ud Uds Urb Vd Vda Vds aprox atte avda ctra dr dra dña ej gral ing lic nro prof sr sra sras sres srta p.ej",
    "inside": "Art Fig Núm Pág Tel Vol abr ago dic ene feb jul jun may nov núm oct pág págs sep sept",
    "numbered": "No art arts cap caps fig figs mar set tel vol vols n.º",
    "either": "AA CC Cía DD Dcha Depto Dpto EE FF HH Hnos Inst Izda Izq JJ Ltda MM OO RR SS UU Univ VV dcha depto dom etc hnos izda jue lun min mié máx mín sáb vie"
  },
  "fi": {
    "before": "dos esim ev evl fil huom kand kapt kenr lis ltn lääk maist mm nk ns oik prof synt toht toim tri vrt yht",
    "numbered": "klo nro puh s",
    "either": "eKr jKr jms jne kpl milj min mrd sek tms ym yms"
  },
  "fr": {
    "before": "Adj Bd Bld Blvd Brig Capt Card Cdt Ch Cne Dr Dre Drs Ets Fr Gal Gén Ing Lt M MM Maj Me Mgr Mlle Mlles Mme Mmes Pdt Pdte Ph Pr Prof Rév Sgt Sr Ste Stes Th Vve av bd bld blvd boul cf env fg hon pl rte c.-à-d p.ex",
    "inside": "Col Fig St Vol avr chap déc fév févr jan janv juil nov oct",
    "numbered": "Art No al ann app art bât dim esc fig jeu lun mar mer pp réf sam sept tél ven vol ét",
    "either": "Assoc Cie Ltée Sté Univ apr dép etc ex hab max min prof éd"
  },
  "hi": {
    "before": "आर एच एड एन एफ एम एल एस कु के जे टी डी डॉ पं प्रो बी मि मो रु वी श्री श्रीमती सी सुश्री",
    "either": "पी"
  },
  "hr": {
    "before": "akad br dipl doc gosp gđa gđica ing inž mr npr prof sc sl sv tj tzv ul",
    "inside": "sij velj",
    "numbered": "pet str sub tel čl",
    "either": "god itd kn med mil min mlrd st čet"
  },
  "hu": {
    "before": "Id Ifj Szt alez br dr ezds ezr gr id ifj ill kb krt pl prof szds özv ún őrgy",
    "inside": "aug csüt dec febr hétf jan júl jún márc nov okt szept ápr",
    "numbered": "máj tel",
    "either": "Bt Kft Nyrt Rt Zrt old stb sz"
  },
  "id": {
    "before": "Bpk Dra Drs Gg Hj Ir Jend Jl Jln Kab Kec Kel Kol Ny Prov Sdr Sdri Tn Yth tgl",
    "inside": "Agt Agu Apr Des Feb Jan Jul Jun Nov Okt Sep Sept",
    "numbered": "No hal hlm no",
    "either": "Tbk dkk dll dsb dst tsb"
  },
  "it": {
    "before": "Amm Avv Brig Card Cav Chiar Comm Dir Dott Ecc Egr Gent Geom Ill Ing Magg Min Mons On Pres Proff Rag Rev Sac Sen Serg Sig Sigg Spett Ten arch avv ca cav cfr cosidd dott es fam geom ing mons on prof rag rev sig sigg spett p.es",
    "inside": "Cap Col Fig Gen Mar Soc Str Vol ago apr dic feb febbr gen genn giu lug nov num ott pag pagg sett",
    "numbered": "Art art artt cap dom fig gio lett lun mag mar mer nr sab sec set sez tab tel ven vol voll",
    "either": "Assoc Dip Ist Univ ecc etc max min"
  },
  "kn": {
    "before": "ಆರ್ ಎಂ ಎಚ್ ಎನ್ ಎಸ್ ಕೆ ಜಿ ಟಿ ಡಾ ಡಿ ಪಿ ಪ್ರೊ ಬಿ ರೂ ವಿ ಶ್ರೀ ಶ್ರೀಮತಿ ಸಿ ಹೆಚ್"
  },
  "ml": {
    "before": "അഡ്വ ആർ എം എസ് എൻ എൽ കെ ജി ജെ ടി ഡി ഡോ പി പ്രൊഫ ബി രൂ വി ശ്രീ ശ്രീമതി സി"
  },
  "mr": {
    "before": "आर एच एन एम एल एस कु के जे टी डी डॉ प्रा प्रो बी मो रु वी श्री श्रीमती सी सौ ॲड",
    "either": "पी"
  },
  "ms": {
    "before": "En Hj Hjh Jln Pn Prof Sdn Tn",
    "numbered": "hlm no",
    "either": "Bhd dll dsb dst"
  },
  "nl": {
    "before": "Adm Br Dhr Drs Fam Gebr Ing Ir Jhr Jkvr Kapt Kard Kol Lt Luit Maj Mej Mevr Mgr Mw Ned Sgt Zr afd bijv br ca dhr dr drs ds evt excl geb gem incl ing ir jhr jl mej mevr mr mvr mw ongev prof resp vgl vnl zgn zog zr d.w.z m.a.w m.b.t o.a t.a.v",
    "inside": "Apr Aug Dec Feb Gen Jul Jun Mrt Nov Okt Sept St apr aug dec feb mrt nov okt sept",
    "numbered": "Art Jan Nr art blz di dl do fig hfst jan jg ma nr pag sec tel vol vr wo za zo",
    "either": "Co Univ enz enzv etc jr ln max min mld mln pl sr str"
  },
  "no": {
    "before": "Chr St avd ca cand dr eks ekskl evt fhv fr frk hr iflg ing inkl jf kapt pga prof vedr bl.a d.v.s f.eks",
    "inside": "apr aug des feb gen nov okt sept",
    "numbered": "art fig fre jan kap kl lør man min nr ons pkt s søn tirs tlf tors",
    "either": "bl etc kr mag mill mrd osv pst red"
  },
  "pl": {
    "before": "abp adm adw al arch asp bp bryg bł chor cyt dn doc dr ds dyr gm hab hr insp inż kard kmdr kom kpr kpt ks marsz mec mgr mjr nadbryg nadinsp nadkom np ob plut podinsp podkom por pos pow pp ppor ppłk prał prez prof przew pt płk red rtm sierż sp st szer sędz tj tow tzn tzw ul ur woj ww zast zob śp św",
    "inside": "gen godz pl",
    "numbered": "art bud cz czw fig gru kl kwi lok lp lut niedz nr ok par paź pkt pon poz rozdz rys sob str sty tab tel tom ust wrz wt zał śr",
    "either": "im itd itp jr m mies min mld mln os p proc r sek szt tys w zł m.in"
  },
  "pt": {
    "before": "Adv Al Alm Arq Av Brig Card Cb Cel Cmdt Cmte Comte Dep Des Dir Dra Dras Drs Emb Eng Enga Esp Estr Exma Exmas Exmo Exmos Fr Gov Ilma Ilmo Jd Lgo Maj Min Mons Pe Pref Pres Profa Profas Profs Pça Rev Revma Revmo Rod Sgt Sgto Sr Sra Sras Srs Srta Sta Sto Ten Trav Ver aprox av cf dr dra eng prof profa sr sra srs srta séc p.ex",
    "inside": "Cap Fig Gen Pr Sen Vol abr ago fev jan jul jun nov núm out pág págs",
    "numbered": "Art No art arts bl cap caps dom ed fig figs fls inc mai mar qua qui seg set sex sáb tel ter vol vols n.º",
    "either": "Apto Cia Depto Dpto Ltda Proc Sec Univ dez etc ex min máx mín"
  },
  "ro": {
    "before": "Amb Dl Dna Drd Mons Sf acad arh av bd cca col conf cpt dl dlui dna dr ex ing jud lect lt plt pr prof sf șos",
    "inside": "alin apr aug feb ian iul iun oct pag sept str",
    "numbered": "art bl cap dec fig lit nov nr pct sec tel vol",
    "either": "etc gen max mil min mld"
  },
  "ru": {
    "before": "Дж абз адв адм акад англ архиеп архим бул бульв г-жа г-н гос гр гр-н д-р деп дер дир доб докт доц еп зав иером инж исп итал канд корп корр лат лейт митр мкр наб наз напр нач патр подполк пп пред през преп прим просп прот проф разд рус св свт свящ серж тов ул франц чл эт т.е т.к т.н",
    "inside": "авг апр вып ген гл дек изд июл июн кн мар ноя нояб обл окт пер пл пос сен сент ст стр табл фев февр янв",
    "numbered": "дом кв ном ок тел",
    "either": "Ко вс вт г гг гор д долл др зам им коп м мин млн млрд н нем п пн полк пом пр проц пт ред рис руб сб сек см ср тыс час чел чт э"
  },
  "sk": {
    "before": "Bc Ing JUDr MDDr MUDr MVDr MgA Mgr PaedDr PhDr PharmDr RNDr RSDr ThDr ThLic arch doc gen ing kard kpt mgr mjr napr plk pozn pplk prof resp sl sv tj tzv",
    "inside": "str ul",
    "numbered": "kap ods tab tel",
    "either": "apod atď hod mil min mld"
  },
  "sl": {
    "before": "dipl doc gdč ing inž mag npr prof sv tj tzv ul št",
    "inside": "apr avg dec feb jan okt sept",
    "numbered": "mar nov str tel čl",
    "either": "idr ipd itd itn mio mrd"
  },
  "sr": {
    "before": "akad br dipl doc gosp ing inž mr npr prof sc sv tj tzv ul акад бр госп дипл доц инг инж мр нпр проф св сц тзв тј ул",
    "numbered": "str tel čl стр тел чл",
    "either": "din god itd med mil min mlrd год дин итд мил мин млрд"
  },
  "sv": {
    "before": "Chr S:t St avd bl ca civ doc dr dvs ev evt ex exkl frk fru hr ing inkl jfr kapt löjtn prof resp sk bl.a d.v.s f.d fr.o.m p.g.a s.k t.ex t.o.m",
    "inside": "apr aug dec feb gen nov okt sept",
    "numbered": "art fig fre jan kap kl lör min mån nr ons s sid sön tel tis tors",
    "either": "dyl etc fil kr max milj osv"
  },
  "ta": {
    "before": "ஆர் என் எம் எல் எஸ் கே சி ஜி ஜெ ஜே டி திரு திருமதி பி பேரா மு முனைவர் ரூ வி"
  },
  "te": {
    "before": "ఆర్ ఎం ఎన్ ఎల్ ఎస్ కె కే జి జె టి డా డి పి ప్రొ బి రూ వి వై శ్రీ శ్రీమతి సి"
  },
  "tl": {
    "before": "Arkt Atty Bb Brgy Dra Engr Gng Gob Gov Hen Kgg Prof Rep Sen Sr Sra Sta Sto",
    "either": "atbp"
  },
  "tr": {
    "before": "Alb Arş Av Bnb Bşk Doç Dr Dt Dyt Ecz Fzt Gn Gör Hz Korg Müh Op Ord Org Prof Psk Sk Sn Tuğg Tümg Tğm Uzm Yb Yrd Yzb bkz cd dr hz mah prof sk sn Çvş Öğr Ütğm çev örn",
    "inside": "Apt Ağu Blv Cad Eki Eyl Haz Kas Mah San Sok Tem Tic Şub",
    "numbered": "No Sf no sf tel",
    "either": "Ltd Şti vb vd vs yy"
  },
  "uk": {
    "before": "Дж адв адм акад англ архієп бул вул гр деп див доц зам заст лейт митр наб напр нар нім патр пор прим пров просп прот проф підполк рос св свящ серж тов чл єп інж",
    "inside": "берез верес ген гл груд жовт квіт кн лип лют обл пл серп ст стор січ табл трав черв ім",
    "numbered": "кв тел",
    "either": "вид вт г грн д др коп м млн млрд н нд п пн полк пт р ред рис рр сб ср тис чол чт"
  },
  "vi": {
    "before": "BS DS GS KS KTS LS PGS TP TS TSKH ThS Ths Tp GS.TS PGS.TS TS.BS"
  }
};
export const STARTERS = {
  "de": "aber als am an auch auf aus bei da danach dann das dass dem den denn der deshalb die dies diese dieser dieses doch du ein eine einem einen einer er es für gestern hat heute hier ich ihr im in ist jetzt kein keine man mein mit nach nein nicht nun nur ob oder schon sein seit sie sind so und unser vielleicht von vor warum was weil wenn wer wie wir wo zu zum zur",
  "en": "a about after all also although an and another are as at because before but by can could did do does during each even every for from has have he her here his how however i if in is it its let many maybe more most my nobody not now of on once one only or other our please she should since so some still such than thank thanks that the their then there these they this those through to today tomorrow under until was we well were what when where which while who why will with would yes yesterday yet you your",
  "es": "a además ahora al allí antes aquel aquella así aún aunque ayer cada como con cuando de del desde después donde durante el él ella ellas ellos en entonces entre era es esa ese eso esta este esto fue hasta hay hoy la las le les lo los luego mi mientras muchos nadie ni no nos nosotros nuestra nuestro o para pero por porque pues que quién se según si sí sin sobre son su sus también tampoco todo todos tras un una unos y ya yo",
  "fr": "à ainsi alors après au aujourd'hui aussi aux avant avec beaucoup c'est c'était car ce cela cependant ces cet cette chaque comme dans de depuis des donc du elle elles en enfin ensuite et hier il ils j'ai je la le les leur leurs lors lorsque mais même mon ne non nos notre nous on or où oui par parce pas pendant pour pourquoi puis quand que quel quelle qui sans se selon ses si son sous sur tous tout toutes très tu un une voici voilà vos votre vous",
  "it": "a alla allora anche ancora c'è che chi ci come con così da dal dalla del della di dopo dove durante e è ecco ed era erano fu gli ha hanno ho i ieri il in infatti invece io la le lei lo loro lui ma mentre mi molti nei nel nella nessuno no noi non nostra nostro o oggi ogni ora per perché poi quando quanto quella quello questa queste questi questo qui se senza si sì sono su sul sulla tra tutti tutto un una uno voi",
  "nl": "aan al alle als bij dan dat de deze die dit doch door dus een en er gisteren haar heb heeft het hier hij hoe hun ik in is ja je jij jullie kan maar meer men met mijn morgen na naar nee niemand niet nog nu of om omdat onder ons onze ook op over sinds te tegen toen tot uit van vandaag veel volgens voor waar waarom wanneer want was wat we wie wij ze zij zijn zo zonder",
  "pl": "a aby ale bo co czy dla dlaczego dlatego do dziś dzisiaj gdy gdzie i ich ile ja jak jednak jego jej jest jeszcze jeśli już każdy kiedy kto która który lub ma mam moja może mój my na nad nasz nie nikt o od on ona oni one oraz po pod podczas ponieważ potem przed przez przy są ta tak także tam te ten teraz to tu tylko ty w więc wczoraj wszyscy wszystko wtedy wy z za ze że żeby",
  "pt": "a agora ainda ali antes ao aos apenas aquela aquele aqui as assim até cada com como da das de depois desde do dos durante e é ela elas ele eles em então entre era essa esse esta está este eu foi há hoje isso isto já lá mais mas muito muitos na não nas nem ninguém no nos nossa nosso nós o onde ontem os ou para pela pelo pois por porque quando que quem se segundo sem sempre seu seus sim só sobre sua suas também todos tudo um uma você vocês vamos",
  "ru": "а без был была было были в вам вас ведь во вот все всё вы где да даже для до его если есть ещё её же за здесь и из или им их к как когда кто ли мне мой мы на над нам нас наш не нет ни никто но ну о об он она они оно от по под поэтому потом потому почему при про с сегодня сейчас со так также там теперь то тогда тоже только тут ты у уже хотя чем через что чтобы эта эти это этот я вчера",
  "tr": "ama ancak artık aslında bana bazı belki ben beni benim bir biraz biz bizim böyle bu buna bunlar bunu bunun burada bütün çok çünkü da daha de dün en evet fakat gibi hangi hayır hem hep hepsi her herkes hiç için ile ise kim mi nasıl ne neden nerede o ona onlar onu onun oysa öyle sadece sen siz sonra şimdi şöyle şu tüm üstelik var ve veya ya yani yine yok bugün yarın",
  "uk": "а але без був була було були в вам вас ви від він вона вони вчора де для до його є за зараз з і із інші її їх як якщо коли ми мені мій на над нам нас наш не ні ніхто ну о об по під після при про сьогодні та так також там тепер ти тільки то тоді тому у хоча хто це цей ця ці через чи чому що щоб я"
};
export const PARTICLES = "al ap da dal dalla das de degli dei del della den der des di do dos du e el la las le les lo los of ten ter van vom von y zu zum zur";
export const ORDINALS = "bg bs cs da de et fi fo hr hu is lb lv nn no pl sk sl sr tr";
export const YEARS = "bs et hr hu lv sr";
export const WORDS_OF_A_LETTER = "яéèàòùöåø";

// `captioning/writing.py` says what is what.
export const NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff";
export const SENTENCE_ENDS = ".?!\u3002\uff1f\uff01\u061f\u0964\u06d4\u0589\u1362\u1367\u104b\u17d4";
export const CLOSING_MARKS = "\"'\u201d\u2019\u00bb)]\uff09\u300d\u300f\u3011";

// `captioning/language_names.py` says what is what.
export const CODES = {
  "afrikaans": "af",
  "albanian": "sq",
  "amharic": "am",
  "arabic": "ar",
  "armenian": "hy",
  "assamese": "as",
  "azerbaijani": "az",
  "bashkir": "ba",
  "basque": "eu",
  "belarusian": "be",
  "bengali": "bn",
  "bosnian": "bs",
  "breton": "br",
  "bulgarian": "bg",
  "cantonese": "yue",
  "catalan": "ca",
  "chinese": "zh",
  "croatian": "hr",
  "czech": "cs",
  "danish": "da",
  "dutch": "nl",
  "english": "en",
  "estonian": "et",
  "faroese": "fo",
  "finnish": "fi",
  "french": "fr",
  "galician": "gl",
  "georgian": "ka",
  "german": "de",
  "greek": "el",
  "gujarati": "gu",
  "haitian creole": "ht",
  "hausa": "ha",
  "hawaiian": "haw",
  "hebrew": "he",
  "hindi": "hi",
  "hungarian": "hu",
  "icelandic": "is",
  "indonesian": "id",
  "italian": "it",
  "japanese": "ja",
  "javanese": "jw",
  "kannada": "kn",
  "kazakh": "kk",
  "khmer": "km",
  "korean": "ko",
  "lao": "lo",
  "latin": "la",
  "latvian": "lv",
  "lingala": "ln",
  "lithuanian": "lt",
  "luxembourgish": "lb",
  "macedonian": "mk",
  "malagasy": "mg",
  "malay": "ms",
  "malayalam": "ml",
  "maltese": "mt",
  "maori": "mi",
  "marathi": "mr",
  "mongolian": "mn",
  "myanmar": "my",
  "nepali": "ne",
  "norwegian": "no",
  "nynorsk": "nn",
  "occitan": "oc",
  "pashto": "ps",
  "persian": "fa",
  "polish": "pl",
  "portuguese": "pt",
  "punjabi": "pa",
  "romanian": "ro",
  "russian": "ru",
  "sanskrit": "sa",
  "serbian": "sr",
  "shona": "sn",
  "sindhi": "sd",
  "sinhala": "si",
  "slovak": "sk",
  "slovenian": "sl",
  "somali": "so",
  "spanish": "es",
  "sundanese": "su",
  "swahili": "sw",
  "swedish": "sv",
  "tagalog": "tl",
  "tajik": "tg",
  "tamil": "ta",
  "tatar": "tt",
  "telugu": "te",
  "thai": "th",
  "tibetan": "bo",
  "turkish": "tr",
  "turkmen": "tk",
  "ukrainian": "uk",
  "urdu": "ur",
  "uzbek": "uz",
  "vietnamese": "vi",
  "welsh": "cy",
  "yiddish": "yi",
  "yoruba": "yo"
};

// `subtitles/breaks.py` says what is what.
export const SENTENCE = 0;
export const CLAUSE = 6;
export const PHRASE = 14;
export const ANYWHERE = 20;
export const CHARACTER = 36;
export const APART = 60;
export const BOUND = 200;
export const OPENING_WIDE = "\u3008\u300a\u300c\u300e\u3010\u3014\u3016\uff08\uff3b\uff5b";
export const OPENING = "\u3008\u300a\u300c\u300e\u3010\u3014\u3016\uff08\uff3b\uff5b\u201c\u2018(\\[{\u00ab\u00bf\u00a1";
export const BEFORE_CONSONANT = "\u0e40-\u0e44\u0ec0-\u0ec4";
export const NEVER_FIRST = "\u0e2f\u0e30\u0e32\u0e33\u0e45\u0e46\u0eb0\u0eb2\u0eb3\u0ec6\u3005\u303b\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u308e\u309d\u309e\u30a1\u30a3\u30a5\u30a7\u30a9\u30c3\u30e3\u30e5\u30e7\u30ee\u30f5\u30f6\u30fc\u30fd\u30fe";
export const CLAUSE_ENDS = ",;:\uff0c\u3001\uff1b\uff1a\u060c\u2026\u2013\u2014";
export const LEADS = {
  "de": "aber als am an auf aus bei bis damit das dass dem den denn der des die durch ein eine einem einen einer eines für gegen hinter im in ins mit nach oder ob ohne seit sondern über um und unter vom von vor während weil wenn wie zu zum zur zwischen",
  "en": "a about after although an and are as at because before but by can could during for from had has have he her his i if in into is its like may might must my nor of on or our over she should since so than that the their they this through to under until was we were when where which while who whose will with without would your",
  "es": "a al aunque como con cuando de del desde donde e el en entre hasta la las lo los mi ni o para pero por porque que se si sin sobre su sus u un una unas unos y",
  "fr": "à au aux avec ce ces cette chez comme dans de des donc du elle en et il je la le les leur leurs mais mon ne ni nous on ou où par parce pour quand que qui sa sans se ses si son sous sur un une vers vous",
  "it": "a al alla alle anche che con come da dal dalla dei del della delle di e ed fra gli i il in la le lo ma nel nella o per perché quando se senza si su sul sulla tra un una uno",
  "nl": "aan als bij dat de die door een en het hun in maar met na naar of om omdat onder op over te tegen tot uit van voor want wanneer zijn zonder",
  "pt": "a ao aos as até com como da das de do dos e em entre mas na nas no nos o os ou para pela pelo por porque quando que se sem sobre sua um uma"
};
