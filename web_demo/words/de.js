/** Deutsch. */

export default {
  "page.title": "Surtitle – Live-Untertitel",
  "page.language": "Sprache dieser Seite",

  "view.group": "Ansicht",
  "view.smaller": "Untertitel kleiner",
  "view.larger": "Untertitel größer",
  "view.transcript": "Transkript",
  "view.share": "Teilen",
  "view.settings": "Einstellungen",
  "view.full_screen": "Vollbild",
  close: "Schließen",
  copy: "Kopieren",
  "copy.done": "Kopiert.",
  "copy.refused": "Der Browser hat das Kopieren nicht erlaubt. Markieren Sie stattdessen den Text.",

  "captions.region": "Untertitel",
  "captions.earlier": "Frühere Untertitel",
  "captions.final": "Endgültige Untertitel",
  "captions.newest": "Neuester Untertitel",
  "captions.uncertain": "zu {percent} % sicher",
  "captions.incomplete": "Untertitel unvollständig:",
  "captions.missing": "Untertitel fehlt:",

  "welcome.start":
    "Drücken Sie auf „Start“ und sprechen Sie. Ihre Worte erscheinen hier, während Sie sie sagen.",
  "welcome.sample": "Kein Mikrofon zur Hand? Wählen Sie *Beispiel* und drücken Sie auf „Start“.",
  "welcome.settings": "Farben, Größe und Position der Untertitel finden Sie unter *Einstellungen*.",
  "welcome.share": "*Teilen* erstellt einen Link und einen QR-Code für das Publikum.",

  "restore.offer": {
    one: "Ihr letztes Transkript ist noch auf diesem Gerät: {count} Zeile, {when}.",
    other: "Ihr letztes Transkript ist noch auf diesem Gerät: {count} Zeilen, {when}.",
  },
  "restore.older": {
    one: "Ein früheres: {count} Zeile, {when}.",
    other: "Ein früheres: {count} Zeilen, {when}.",
  },
  "restore.open": "Wiederherstellen",
  "restore.delete": "Endgültig löschen",

  "transcript.save": "Transkript speichern oder kopieren",
  "transcript.text": "Text",
  "transcript.clear": "Leeren",
  "transcript.lines": "Zeilen",
  "transcript.empty": "Bisher wurde nichts gesagt.",
  "transcript.copy_line": "Zeile bei {at} kopieren",
  "transcript.incomplete": "{text} [Untertitel unvollständig]",
  "transcript.missing": "[Untertitel fehlt]",
  "transcript.kept": "Der Server bewahrt dieses Transkript auf.",
  "transcript.kept_for": {
    one: "Der Server bewahrt dieses Transkript {count} Tag lang auf.",
    other: "Der Server bewahrt dieses Transkript {count} Tage lang auf.",
  },
  "transcript.not_kept":
    "Dieser Browser kann das Transkript nicht aufbewahren. Speichern Sie es, bevor Sie diese Seite verlassen.",
  "transcript.cleared": "Das Transkript wurde geleert.",
  "transcript.undo": "Rückgängig",

  "notice.dismiss": "Diese Meldung schließen",

  "controls.group": "Steuerung",
  "run.start": "Start",
  "run.stop": "Stopp",
  "run.stop_now": "Sofort stoppen",
  "run.position": "{at} von {length}",
  "run.delay": "{tenths} s Verzögerung",
  "level.label": "Lautstärke",
  "level.silent": "still",
  "level.decibels": "{level} Dezibel",
  "level.loud": "Zu laut: mehr Abstand halten oder leiser stellen.",
  "level.muted": "Kein Ton: Ist das Mikrofon stummgeschaltet?",
  "source.group": "Tonquelle",
  "source.microphone": "Mikrofon",
  "source.display": "Tab oder System",
  "source.file": "Datei",
  "source.sample": "Beispiel",
  "key.label": "Schlüssel für diesen Server",
  "device.default": "Standardmikrofon",
  "device.numbered": "Mikrofon {number}",
  "file.label": "Ton- oder Videodatei",
  "file.aloud": "Ton abspielen",
  "language.label": "Gesprochene Sprache",
  "language.auto": "Automatisch",

  "state.idle": "Nicht gestartet",
  "state.microphone": "Bitte erlauben Sie den Zugriff auf das Mikrofon…",
  "state.display": "Wählen Sie einen Tab oder Bildschirm und teilen Sie dessen Ton…",
  "state.opening": "Aufnahme wird gelesen…",
  "state.connecting": "Verbindung zum Server wird hergestellt…",
  "state.listening": "Hört zu",
  "state.listening_model": "Hört zu · Modell {model}",
  "state.captioning": "„{label}“ wird untertitelt",
  "state.captioning_model": "„{label}“ wird untertitelt · Modell {model}",
  "state.recovering": "Die Erkennung startet neu. Sprechen Sie weiter: Es geht nichts verloren.",
  "state.overloaded": "Der Server ist ausgelastet. Untertitel kommen später als sonst.",
  "state.draining": "Der Server wird gleich beendet.",
  "state.slow": "Die Verbindung ist langsam. Untertitel kommen später als sonst.",
  "state.unheard": "Zurzeit kommt kein Ton an.",
  "state.finishing": "Der letzte Untertitel wird fertiggestellt…",
  "state.finished": "Fertig",
  "state.finished_with": {
    one: "Fertig: {count} Untertitel in {length}",
    other: "Fertig: {count} Untertitel in {length}",
  },
  "state.stopped": "Gestoppt",
  "state.closed": "Nicht verbunden",
  "state.live": "Live",
  "state.waiting":
    "Hier spricht noch niemand. Untertitel erscheinen, sobald jemand zu sprechen beginnt.",
  "state.over": "Im Moment spricht niemand.",
  "state.away":
    "Die Verbindung der sprechenden Person ist unterbrochen. Sobald sie wieder da ist, geht es weiter.",

  "recording.unread_seconds":
    "{seconds} s der Aufnahme konnten nicht gelesen werden. Der Rest ist untertitelt.",
  "recording.unread_minutes":
    "{length} Minuten der Aufnahme konnten nicht gelesen werden. Der Rest ist untertitelt.",

  "setting.scale": "Größe",
  "setting.percent": "{percent} %",
  "setting.style": "Untertitel",
  "setting.style.roll_up": "Rollend",
  "setting.style.block": "In Blöcken",
  "setting.colours": "Farben",
  "setting.colours.calm": "Ruhig",
  "setting.colours.black_on_white": "Schwarz auf Weiß",
  "setting.colours.white_on_black": "Weiß auf Schwarz",
  "setting.colours.yellow_on_black": "Gelb auf Schwarz",
  "setting.position": "Position",
  "setting.position.top": "Oben",
  "setting.position.centre": "Mitte",
  "setting.position.bottom": "Unten",
  "setting.lines": "Sichtbare Zeilen",
  "setting.lines.all": "Alle, die passen",
  "setting.words": "Unsichere Wörter kennzeichnen",
  "setting.words.hint":
    "Mit einer Wellenlinie unterstrichen; das Transkript zeigt, wie sicher jedes Wort ist.",
  "setting.revisions": "Bereits gezeigte Zeilen korrigieren",
  "setting.revisions.hint":
    "Zeilen können sich einige Sekunden nach ihrem Erscheinen ändern. Gespeicherter und kopierter Text enthält die Korrekturen immer.",
  "setting.delay": "Verzögerung anzeigen",
  "setting.delay.hint": "Die Zeit, bis ein gesprochenes Wort auf dem Bildschirm steht.",
  "setting.archive": "Der Server darf aufbewahren, was ich sage",
  "setting.archive.hint":
    "Nur manche Server bewahren Transkripte auf; im Transkript steht dann, wie lange. Gilt ab dem nächsten Start.",
  "setting.next_start": "Gilt ab dem nächsten Start.",
  "names.label": "Namen und Begriffe",
  "names.hint":
    "Einer pro Zeile, so geschrieben, wie er erscheinen soll. Sie werden dann häufiger erkannt.",
  "names.long": "Ein Name darf höchstens {most} Zeichen haben.",
  "names.many": "Nur die ersten {most} werden verwendet.",

  "share.on": "Diese Untertitel teilen",
  "share.hint": "Wer den Link hat, kann die Untertitel lesen, auf dem Smartphone oder als Overlay.",
  "share.name": "Name des Kanals",
  "share.another": "Anderer",
  "share.name_problem": "Nur Buchstaben von A bis Z, Ziffern, - und _; keine Leerzeichen.",
  "share.code": "QR-Code des Links für das Publikum",
  "share.watch_link": "Link für das Publikum",
  "share.copy_watch_link": "Link für das Publikum kopieren",
  "share.local":
    "Diese Adresse funktioniert nur auf diesem Computer. Öffnen Sie die Seite unter dem Namen des Servers, um sie mit anderen zu teilen.",
  "share.address": "Adresse im Netzwerk",
  "share.address_hint":
    "Dieser Computer hat mehrere. Wählen Sie die in dem Netzwerk, das das Publikum benutzt.",
  "share.command":
    "Nur dieser Computer kann den Link öffnen. Um ihn mit Smartphones im selben Netzwerk zu teilen, beenden Sie den Server und starten Sie ihn mit diesem Befehl:",
  "share.copy_command": "Befehl kopieren",
  "share.overlay_link": "Overlay für OBS (Browserquelle)",
  "share.copy_overlay_link": "Link des Overlays kopieren",
  "share.edit_link": "Link für jemanden, der die Untertitel korrigiert",
  "share.copy_edit_link": "Link zum Korrigieren kopieren",
  "share.edit_hint": "Wer ihn hat, kann zwölf Stunden lang ändern, was alle lesen.",
  "share.watching": { one: "sieht zu", other: "sehen zu" },
  "share.watching_now": {
    one: "{count} Person sieht gerade zu.",
    other: "{count} Personen sehen gerade zu.",
  },
  "share.taken":
    "Diesen Namen benutzt jetzt jemand anderes. Stoppen Sie, und starten Sie mit einem anderen Namen.",
  "share.ends": "Das Teilen endet, wenn Sie auf „Stopp“ drücken.",
  "share.next_start": "Das Teilen beginnt mit dem nächsten Start.",
  "share.at_start": "Das Teilen beginnt, wenn Sie auf „Start“ drücken.",

  "watch.title": "Live-Untertitel",
  "watch.title_of": "{channel} – Live-Untertitel",
  "watch.invitation": "Hier erscheinen Untertitel, während gesprochen wird.",
  "watch.no_channel":
    "Diese Adresse nennt keinen Kanal. Bitten Sie die sprechende Person um den vollständigen Link.",
  "overlay.title": "Surtitle – Overlay",
  "edit.title": "Untertitel korrigieren",
  "edit.title_of": "Untertitel korrigieren – {channel}",
  "edit.empty":
    "Hier erscheinen Untertitel, während gesprochen wird. Überschreiben Sie, was falsch ist, und drücken Sie die Eingabetaste: Alle sehen es dann korrigiert.",
  "edit.caption": "Untertitel",
  "edit.delete": "Löschen",
  "edit.restore": "Wiederherstellen",
  "edit.meanwhile": "Inzwischen steht dort: {text}",
  "edit.meanwhile_deleted": "Inzwischen wurde er gelöscht.",
  "edit.name": "Ein Name, der fallen wird",
  "edit.listen": "Darauf achten",
  "edit.listening": "Ab dem nächsten Satz wird auf „{name}“ geachtet.",
  "edit.keys": "Tasten",
  "edit.enter": "Eingabe",
  "edit.escape": "Esc",
  "edit.control": "Strg",
  "edit.delete_key": "Entf",
  "edit.save": "speichern",
  "edit.revert": "zurücknehmen",
  "edit.move": "andere Zeile",
  "edit.delete_line": "Zeile löschen",
  "edit.listen_selected": "auf das Markierte achten",

  "offline.title": "Keine Verbindung",
  "offline.words":
    "Diese Seite erreicht ihren Server nicht. Vielleicht ist dieses Gerät offline, oder der Server läuft nicht.",
  "offline.advice":
    "Die Untertitel entstehen auf dem Server; bis er wieder erreichbar ist, gibt es keine. Laden Sie diese Seite dann neu.",

  "problem.microphone_refused":
    "Der Browser lässt diese Seite das Mikrofon nicht benutzen. Erlauben Sie es über das Symbol neben der Adresse und drücken Sie noch einmal auf „Start“; oder wählen Sie eine Datei oder das Beispiel.",
  "problem.microphone_missing":
    "Es wurde kein Mikrofon gefunden. Schließen Sie eines an und drücken Sie noch einmal auf „Start“; oder wählen Sie eine Datei oder das Beispiel.",
  "problem.microphone_busy":
    "Das Mikrofon lässt sich nicht öffnen. Vielleicht benutzt es ein anderes Programm: Schließen Sie dieses und drücken Sie noch einmal auf „Start“.",
  "problem.microphone_gone":
    "Das gewählte Mikrofon ist nicht mehr da. Wählen Sie ein anderes und drücken Sie noch einmal auf „Start“.",
  "problem.microphone_disconnected":
    "Das Mikrofon wurde getrennt. Schließen Sie es oder ein anderes an, dann geht es mit den Untertiteln weiter.",
  "problem.microphone_changed":
    "Das Mikrofon hat gewechselt. Die Untertitel gehen mit „{label}“ weiter.",
  "problem.insecure_page":
    "Browser erlauben das Mikrofon nur auf sicheren Seiten. Öffnen Sie diese Seite über https, oder auf dem Computer des Servers selbst unter http://localhost; Dateien und das Beispiel funktionieren auch hier.",
  "problem.display_unsupported":
    "Dieser Browser kann keinen Ton teilen. Verwenden Sie Chrome oder Edge auf einem Computer, auf einer sicheren Seite (https oder localhost); oder wählen Sie das Mikrofon.",
  "problem.display_refused":
    "Es wurde nichts geteilt. Starten Sie noch einmal und wählen Sie im Dialog aus, was untertitelt werden soll. Wenn kein Dialog erscheint, lassen die Systemeinstellungen den Browser den Bildschirm nicht aufnehmen.",
  "problem.display_silent":
    "Der geteilte Tab oder Bildschirm hat keinen Ton. Starten Sie noch einmal, wählen Sie einen Tab und schalten Sie im Dialog das Teilen des Tab-Audios ein (unter Windows geht auch der ganze Bildschirm mit dem Ton des Systems). Firefox und Safari können keinen Ton teilen.",
  "problem.interrupted":
    "Das System hat den Ton unterbrochen, vielleicht für einen Anruf oder ein anderes Programm. Die Untertitel gehen weiter, sobald er wieder da ist; es kann helfen, auf diese Seite zu tippen.",
  "problem.muted":
    "Das System oder ein Schalter hat den Ton stummgeschaltet. Die Untertitel gehen weiter, sobald er wieder an ist.",
  "problem.sound_closed": "Der Browser hat den Ton beendet. Drücken Sie noch einmal auf „Start“.",
  "problem.not_played":
    "Dieser Browser kann diese Aufnahme nicht abspielen. Sie wird trotzdem untertitelt.",
  "problem.empty_file": "„{label}“ ist leer oder nicht mehr lesbar. Wählen Sie eine andere Datei.",
  "problem.unreadable_file": "„{label}“ ist nicht mehr lesbar. Wählen Sie die Datei noch einmal.",
  "problem.no_file": "Wählen Sie zuerst eine Ton- oder Videodatei.",
  "problem.no_sample": "Das Beispiel konnte nicht geladen werden. Prüfen Sie, ob der Server läuft.",
  "problem.not_loaded":
    "Ein Teil dieser Seite konnte nicht geladen werden. Prüfen Sie, ob der Server läuft.",

  "problem.reconnecting":
    "Die Verbindung zum Server wird wiederhergestellt. Was inzwischen gesagt wird, bleibt erhalten.",
  "problem.reconnecting_viewer": "Die Verbindung zum Server wird wiederhergestellt.",
  "problem.back": "Die Verbindung zum Server ist wieder da.",
  "problem.unreachable":
    "Keine Antwort von {host}. Prüfen Sie, ob der Server läuft und erreichbar ist, und starten Sie dann noch einmal.",
  "problem.stranger":
    "Unter {host} antwortet etwas, aber kein Surtitle-Server. Prüfen Sie die Adresse und ihren Port, und ob ein Proxy dazwischen seinen Server verloren hat.",
  "problem.not_back": {
    one: "Der Server war nach {count} s noch nicht wieder da. {reason}",
    other: "Der Server war nach {count} s noch nicht wieder da. {reason}",
  },
  "problem.lost":
    "Die Verbindung zum Server ist abgebrochen. Prüfen Sie, ob er läuft, und starten Sie dann noch einmal.",
  "problem.shutting_down": "Der Server wird gerade beendet. Starten Sie gleich noch einmal.",
  "problem.internal":
    "Im Server ist ein Fehler aufgetreten. Starten Sie noch einmal; wenn es wieder geschieht, sehen Sie im Protokoll des Servers nach.",
  "problem.too_busy": "Der Server ist zu stark ausgelastet. Versuchen Sie es gleich noch einmal.",
  "problem.idle": "Der Server hat die Sitzung beendet, weil kein Ton ankam.",
  "problem.key_needed": "Der Server verlangt einen Schlüssel, den diese Seite nicht hat.",
  "problem.too_many":
    "Von hier aus sind zu viele Sitzungen offen. Schließen Sie eine andere Seite, die Untertitel zeigt.",
  "problem.no_service": "Unter dieser Adresse gibt es keinen Untertiteldienst.",
  "problem.proxy": "Der Server ist über seinen Proxy nicht erreichbar.",
  "problem.proxy_silent": "Der Server antwortet seinem Proxy nicht.",
  "problem.full_or_starting": "Der Server ist voll oder startet noch.",
  "problem.not_accepted": "Der Server hat die Verbindung nicht angenommen. Starten Sie noch einmal.",
  "problem.no_answer": "Der Server antwortet nicht. Prüfen Sie, ob er läuft.",
  "problem.unknown_key":
    "Der Server kennt diesen Schlüssel nicht. Prüfen Sie ihn und versuchen Sie es noch einmal.",
  "problem.correction_unsent":
    "Der Server ist nicht erreichbar. Drücken Sie die Eingabetaste, um es noch einmal zu versuchen.",
  "problem.session_ended": "Die Sitzung endete, bevor dieser Untertitel vollständig war.",
  "problem.connection_lost": "Die Verbindung brach ab, bevor dieser Untertitel vollständig war.",
  "problem.gap": {
    one: "[{count} s verloren, während die Verbindung unterbrochen war]",
    other: "[{count} s verloren, während die Verbindung unterbrochen war]",
  },

  "problem.no_token":
    "Nötig ist ein gültiger Schlüssel oder ein gültiges Token. Angegeben wurde keines von beiden.",
  "problem.bad_token":
    "Nötig ist ein gültiger Schlüssel oder ein gültiges Token. Was angegeben wurde, ist falsch oder abgelaufen.",
  "problem.session_limit": "Der Server hat die Höchstzahl seiner Sitzungen erreicht.",
  "problem.address_limit": "Diese Adresse hat die Höchstzahl ihrer Sitzungen erreicht.",
  "problem.key_limit": "Dieser Schlüssel hat die Höchstzahl seiner Sitzungen erreicht.",
  "problem.viewer_limit": "Es sehen bereits so viele zu, wie der Server zulässt.",
  "problem.overloaded": "Der Server ist überlastet: Untertitel kommen schon jetzt zu spät.",
  "problem.memory": "Dem Server fehlt Arbeitsspeicher.",
  "problem.loading": "Das Modell wird geladen.",
  "problem.stopping": "Der Server wird beendet.",
  "problem.draining": "Der Server wird beendet; was bisher gesagt wurde, wird noch fertig untertitelt.",
  "problem.whole_link": "{sentence} Bitten Sie die sprechende Person um den vollständigen Link.",
  "problem.try_again": {
    one: "{sentence} Versuchen Sie es in {count} s noch einmal.",
    other: "{sentence} Versuchen Sie es in {count} s noch einmal.",
  },
};
