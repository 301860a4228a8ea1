/** Français. */

export default {
  "page.title": "Surtitle – sous-titres en direct",
  "page.language": "Langue de cette page",

  "view.group": "Affichage",
  "view.smaller": "Réduire les sous-titres",
  "view.larger": "Agrandir les sous-titres",
  "view.transcript": "Transcription",
  "view.share": "Partager",
  "view.settings": "Paramètres",
  "view.full_screen": "Plein écran",
  close: "Fermer",
  copy: "Copier",
  "copy.done": "Copié.",
  "copy.refused": "Le navigateur n’a pas autorisé la copie. Sélectionnez plutôt le texte.",

  "captions.region": "Sous-titres",
  "captions.earlier": "Sous-titres précédents",
  "captions.final": "Sous-titres définitifs",
  "captions.newest": "Dernier sous-titre",
  "captions.uncertain": "sûr à {percent} %",
  "captions.incomplete": "Sous-titre incomplet :",
  "captions.missing": "Sous-titre manquant :",

  "welcome.start":
    "Appuyez sur « Démarrer » et parlez. Vos paroles s’affichent ici au fur et à mesure.",
  "welcome.sample": "Pas de micro sous la main ? Choisissez *Exemple* et appuyez sur « Démarrer ».",
  "welcome.settings":
    "Les couleurs, la taille et la position des sous-titres se règlent dans *Paramètres*.",
  "welcome.share": "*Partager* crée un lien et un code QR pour le public.",

  "restore.offer": {
    one: "Votre dernière transcription est encore sur cet appareil : {count} ligne, {when}.",
    many: "Votre dernière transcription est encore sur cet appareil : {count} de lignes, {when}.",
    other: "Votre dernière transcription est encore sur cet appareil : {count} lignes, {when}.",
  },
  "restore.older": {
    one: "Une précédente : {count} ligne, {when}.",
    many: "Une précédente : {count} de lignes, {when}.",
    other: "Une précédente : {count} lignes, {when}.",
  },
  "restore.open": "Restaurer",
  "restore.delete": "Supprimer définitivement",

  "transcript.save": "Enregistrer ou copier la transcription",
  "transcript.text": "Texte",
  "transcript.clear": "Effacer",
  "transcript.lines": "Lignes",
  "transcript.empty": "Rien n’a encore été dit.",
  "transcript.copy_line": "Copier la ligne à {at}",
  "transcript.incomplete": "{text} [sous-titre incomplet]",
  "transcript.missing": "[sous-titre manquant]",
  "transcript.kept": "Le serveur conserve cette transcription.",
  "transcript.kept_for": {
    one: "Le serveur conserve cette transcription pendant {count} jour.",
    many: "Le serveur conserve cette transcription pendant {count} de jours.",
    other: "Le serveur conserve cette transcription pendant {count} jours.",
  },
  "transcript.not_kept":
    "Ce navigateur ne peut pas conserver la transcription. Enregistrez-la avant de quitter cette page.",
  "transcript.cleared": "La transcription a été effacée.",
  "transcript.undo": "Annuler",

  "notice.dismiss": "Fermer ce message",

  "controls.group": "Commandes",
  "run.start": "Démarrer",
  "run.stop": "Arrêter",
  "run.stop_now": "Arrêter tout de suite",
  "run.position": "{at} sur {length}",
  "run.delay": "{tenths} s de retard",
  "level.label": "Niveau sonore",
  "level.silent": "silence",
  "level.decibels": "{level} décibels",
  "level.loud": "Trop fort : éloignez-vous ou baissez le niveau d’entrée.",
  "level.muted": "Aucun son : le micro est-il coupé ?",
  "source.group": "Source du son",
  "source.microphone": "Micro",
  "source.display": "Onglet ou système",
  "source.file": "Fichier",
  "source.sample": "Exemple",
  "key.label": "Clé de ce serveur",
  "device.default": "Micro par défaut",
  "device.numbered": "Micro {number}",
  "file.label": "Fichier audio ou vidéo",
  "file.aloud": "Avec le son",
  "language.label": "Langue parlée",
  "language.auto": "Automatique",

  "state.idle": "Pas encore démarré",
  "state.microphone": "Autorisez l’accès au micro…",
  "state.display": "Choisissez un onglet ou un écran et partagez-en le son…",
  "state.opening": "Lecture de l’enregistrement…",
  "state.connecting": "Connexion au serveur…",
  "state.listening": "À l’écoute",
  "state.listening_model": "À l’écoute · modèle {model}",
  "state.captioning": "Sous-titrage de « {label} »",
  "state.captioning_model": "Sous-titrage de « {label} » · modèle {model}",
  "state.recovering": "La reconnaissance redémarre. Continuez à parler : rien n’est perdu.",
  "state.overloaded": "Le serveur est surchargé. Les sous-titres arrivent plus tard que d’habitude.",
  "state.draining": "Le serveur est sur le point de s’arrêter.",
  "state.slow": "La connexion est lente. Les sous-titres arrivent plus tard que d’habitude.",
  "state.unheard": "Aucun son n’arrive pour le moment.",
  "state.finishing": "Le dernier sous-titre se termine…",
  "state.finished": "Terminé",
  "state.finished_with": {
    one: "Terminé : {count} sous-titre en {length}",
    many: "Terminé : {count} de sous-titres en {length}",
    other: "Terminé : {count} sous-titres en {length}",
  },
  "state.stopped": "Arrêté",
  "state.closed": "Non connecté",
  "state.live": "En direct",
  "state.waiting":
    "Personne ne parle encore ici. Les sous-titres s’afficheront dès que quelqu’un commencera.",
  "state.over": "Personne ne parle en ce moment.",
  "state.away":
    "La connexion de l’intervenant est interrompue. Les sous-titres reprendront à son retour.",

  "recording.unread_seconds":
    "{seconds} s de l’enregistrement n’ont pas pu être lues. Le reste est sous-titré.",
  "recording.unread_minutes":
    "{length} minutes de l’enregistrement n’ont pas pu être lues. Le reste est sous-titré.",

  "setting.scale": "Taille",
  "setting.percent": "{percent} %",
  "setting.style": "Sous-titres",
  "setting.style.roll_up": "Défilants",
  "setting.style.block": "Par blocs",
  "setting.colours": "Couleurs",
  "setting.colours.calm": "Douces",
  "setting.colours.black_on_white": "Noir sur blanc",
  "setting.colours.white_on_black": "Blanc sur noir",
  "setting.colours.yellow_on_black": "Jaune sur noir",
  "setting.position": "Position",
  "setting.position.top": "En haut",
  "setting.position.centre": "Au centre",
  "setting.position.bottom": "En bas",
  "setting.lines": "Lignes visibles",
  "setting.lines.all": "Toutes",
  "setting.words": "Signaler les mots incertains",
  "setting.words.hint":
    "Soulignés d’un trait ondulé ; la transcription indique le degré de certitude de chacun.",
  "setting.revisions": "Corriger les lignes déjà affichées",
  "setting.revisions.hint":
    "Des lignes peuvent changer quelques secondes après leur apparition. Le texte enregistré ou copié contient toujours les corrections.",
  "setting.delay": "Afficher le retard",
  "setting.delay.hint": "Le temps entre un mot prononcé et son affichage à l’écran.",
  "setting.archive": "Laisser le serveur conserver mes paroles",
  "setting.archive.hint":
    "Seuls certains serveurs conservent les transcriptions ; la transcription l’indique, avec la durée. Prend effet au prochain démarrage.",
  "setting.next_start": "Prend effet au prochain démarrage.",
  "names.label": "Noms et termes",
  "names.hint": "Un par ligne, écrit comme il doit apparaître. Ils seront reconnus plus souvent.",
  "names.long": "Un nom peut avoir {most} caractères au plus.",
  "names.many": "Seuls les {most} premiers sont utilisés.",

  "share.on": "Partager ces sous-titres",
  "share.hint":
    "Toute personne qui a le lien peut lire les sous-titres, sur un téléphone ou en incrustation.",
  "share.name": "Nom du canal",
  "share.another": "Un autre",
  "share.name_problem": "N’utilisez que des lettres sans accent, des chiffres, - et _ ; pas d’espaces.",
  "share.code": "Code QR du lien pour le public",
  "share.watch_link": "Lien pour le public",
  "share.copy_watch_link": "Copier le lien pour le public",
  "share.local":
    "Cette adresse ne fonctionne que sur cet ordinateur. Ouvrez la page sous le nom du serveur pour la partager.",
  "share.address": "Adresse sur le réseau",
  "share.address_hint":
    "Cet ordinateur en a plusieurs. Choisissez celle du réseau que le public utilise.",
  "share.command":
    "Seul cet ordinateur peut ouvrir le lien. Pour le partager avec des téléphones du même réseau, arrêtez le serveur et démarrez-le avec cette commande :",
  "share.copy_command": "Copier la commande",
  "share.overlay_link": "Incrustation pour OBS (source navigateur)",
  "share.copy_overlay_link": "Copier le lien de l’incrustation",
  "share.edit_link": "Lien pour qui corrige les sous-titres",
  "share.copy_edit_link": "Copier le lien de correction",
  "share.edit_hint":
    "Toute personne qui l’a peut modifier ce que tout le monde lit, pendant douze heures.",
  "share.watching": { one: "spectateur", many: "de spectateurs", other: "spectateurs" },
  "share.watching_now": {
    one: "{count} personne regarde en ce moment.",
    many: "{count} de personnes regardent en ce moment.",
    other: "{count} personnes regardent en ce moment.",
  },
  "share.taken":
    "Quelqu’un d’autre utilise maintenant ce nom. Arrêtez, puis démarrez avec un autre nom.",
  "share.ends": "Le partage prend fin lorsque vous appuyez sur « Arrêter ».",
  "share.next_start": "Le partage commencera au prochain démarrage.",
  "share.at_start": "Le partage commencera lorsque vous appuierez sur « Démarrer ».",

  "watch.title": "Sous-titres en direct",
  "watch.title_of": "{channel} – sous-titres en direct",
  "watch.invitation": "Les sous-titres s’affichent ici pendant que l’on parle.",
  "watch.no_channel": "Cette adresse ne désigne aucun canal. Demandez le lien complet à l’intervenant.",
  "overlay.title": "Surtitle – incrustation",
  "edit.title": "Corriger les sous-titres",
  "edit.title_of": "Corriger les sous-titres – {channel}",
  "edit.empty":
    "Les sous-titres s’affichent ici pendant que l’on parle. Réécrivez ce qui est faux et appuyez sur Entrée : tout le monde voit la correction.",
  "edit.caption": "Sous-titre",
  "edit.delete": "Supprimer",
  "edit.restore": "Restaurer",
  "edit.meanwhile": "Entre-temps, le texte est : {text}",
  "edit.meanwhile_deleted": "Entre-temps, il a été supprimé.",
  "edit.name": "Un nom qui sera prononcé",
  "edit.listen": "Y prêter attention",
  "edit.listening": "On prêtera attention à « {name} » à partir de la prochaine phrase.",
  "edit.keys": "Touches",
  "edit.enter": "Entrée",
  "edit.escape": "Échap",
  "edit.control": "Ctrl",
  "edit.delete_key": "Suppr",
  "edit.save": "enregistrer",
  "edit.revert": "annuler",
  "edit.move": "autre ligne",
  "edit.delete_line": "supprimer la ligne",
  "edit.listen_selected": "prêter attention à la sélection",

  "offline.title": "Pas de connexion",
  "offline.words":
    "Cette page n’arrive pas à joindre son serveur. L’appareil est peut-être hors ligne, ou le serveur arrêté.",
  "offline.advice":
    "Les sous-titres sont produits par le serveur : il n’y en a pas tant qu’il est injoignable. Rechargez ensuite cette page.",

  "problem.microphone_refused":
    "Le navigateur ne laisse pas cette page utiliser le micro. Autorisez-le avec l’icône à côté de l’adresse, puis appuyez de nouveau sur « Démarrer » ; ou choisissez un fichier ou l’exemple.",
  "problem.microphone_missing":
    "Aucun micro n’a été trouvé. Branchez-en un et appuyez de nouveau sur « Démarrer » ; ou choisissez un fichier ou l’exemple.",
  "problem.microphone_busy":
    "Impossible d’ouvrir le micro. Un autre programme l’utilise peut-être : fermez-le, puis appuyez de nouveau sur « Démarrer ».",
  "problem.microphone_gone":
    "Le micro choisi n’est plus là. Choisissez-en un autre, puis appuyez de nouveau sur « Démarrer ».",
  "problem.microphone_disconnected":
    "Le micro a été débranché. Rebranchez-le ou branchez-en un autre, et les sous-titres continueront.",
  "problem.microphone_changed": "Le micro a changé. Les sous-titres continuent avec « {label} ».",
  "problem.insecure_page":
    "Les navigateurs n’autorisent le micro que sur des pages sécurisées. Ouvrez cette page en https, ou, sur l’ordinateur du serveur, à l’adresse http://localhost ; les fichiers et l’exemple fonctionnent aussi ici.",
  "problem.display_unsupported":
    "Ce navigateur ne peut pas partager de son. Utilisez Chrome ou Edge sur un ordinateur, sur une page sécurisée (https ou localhost) ; ou choisissez le micro.",
  "problem.display_refused":
    "Rien n’a été partagé. Démarrez de nouveau et choisissez dans la boîte de dialogue ce qu’il faut sous-titrer. Si elle n’apparaît pas, les réglages du système empêchent le navigateur d’enregistrer l’écran.",
  "problem.display_silent":
    "L’onglet ou l’écran partagé n’a pas de son. Démarrez de nouveau, choisissez un onglet et activez le partage de son audio dans la boîte de dialogue (sous Windows, l’écran entier avec le son du système convient aussi). Firefox et Safari ne peuvent pas partager de son.",
  "problem.interrupted":
    "Le système a interrompu le son, peut-être pour un appel ou un autre programme. Les sous-titres reprendront avec lui ; toucher cette page peut aider.",
  "problem.muted":
    "Le système ou un interrupteur a coupé le son. Les sous-titres reprendront dès qu’il sera rétabli.",
  "problem.sound_closed":
    "Le navigateur a fermé la source du son. Appuyez de nouveau sur « Démarrer ».",
  "problem.not_played":
    "Ce navigateur ne peut pas lire cet enregistrement. Il est sous-titré quand même.",
  "problem.empty_file": "« {label} » est vide ou n’est plus lisible. Choisissez un autre fichier.",
  "problem.unreadable_file": "« {label} » n’est plus lisible. Choisissez-le de nouveau.",
  "problem.no_file": "Choisissez d’abord un fichier audio ou vidéo.",
  "problem.no_sample": "L’exemple n’a pas pu être chargé. Vérifiez que le serveur fonctionne.",
  "problem.not_loaded":
    "Une partie de cette page n’a pas pu être chargée. Vérifiez que le serveur fonctionne.",

  "problem.reconnecting": "Reconnexion au serveur. Ce qui est dit entre-temps est conservé.",
  "problem.reconnecting_viewer": "Reconnexion au serveur.",
  "problem.back": "La connexion au serveur est rétablie.",
  "problem.unreachable":
    "Pas de réponse de {host}. Vérifiez que le serveur fonctionne et qu’il est joignable, puis démarrez de nouveau.",
  "problem.stranger":
    "Quelque chose répond à {host}, mais ce n’est pas un serveur Surtitle. Vérifiez l’adresse et son port, et si un proxy intermédiaire n’a pas perdu son serveur.",
  "problem.not_back": {
    one: "Le serveur n’est pas revenu au bout de {count} s. {reason}",
    many: "Le serveur n’est pas revenu au bout de {count} s. {reason}",
    other: "Le serveur n’est pas revenu au bout de {count} s. {reason}",
  },
  "problem.lost":
    "La connexion au serveur est perdue. Vérifiez qu’il fonctionne, puis démarrez de nouveau.",
  "problem.shutting_down": "Le serveur s’arrête. Démarrez de nouveau dans un instant.",
  "problem.internal":
    "Le serveur a rencontré une erreur interne. Démarrez de nouveau ; si elle se reproduit, consultez le journal du serveur.",
  "problem.too_busy": "Le serveur est surchargé. Réessayez dans un instant.",
  "problem.idle": "Le serveur a fermé la session, car aucun son n’arrivait.",
  "problem.key_needed": "Le serveur demande une clé que cette page n’a pas.",
  "problem.too_many":
    "Trop de sessions sont ouvertes ici. Fermez une autre page qui affiche des sous-titres.",
  "problem.no_service": "Il n’y a pas de service de sous-titrage à cette adresse.",
  "problem.proxy": "Le serveur est injoignable à travers son proxy.",
  "problem.proxy_silent": "Le serveur ne répond pas à son proxy.",
  "problem.full_or_starting": "Le serveur est complet ou démarre encore.",
  "problem.not_accepted": "Le serveur n’a pas accepté la connexion. Démarrez de nouveau.",
  "problem.no_answer": "Le serveur ne répond pas. Vérifiez qu’il fonctionne.",
  "problem.unknown_key": "Le serveur ne connaît pas cette clé. Vérifiez-la et réessayez.",
  "problem.correction_unsent": "Le serveur est injoignable. Appuyez sur Entrée pour réessayer.",
  "problem.session_ended": "La session s’est terminée avant la fin de ce sous-titre.",
  "problem.connection_lost": "La connexion a été perdue avant la fin de ce sous-titre.",
  "problem.gap": {
    one: "[{count} s perdue pendant la coupure de la connexion]",
    many: "[{count} s perdues pendant la coupure de la connexion]",
    other: "[{count} s perdues pendant la coupure de la connexion]",
  },

  "problem.no_token": "Il faut une clé ou un jeton valable. Aucun n’a été donné.",
  "problem.bad_token":
    "Il faut une clé ou un jeton valable. Celui qui a été donné est incorrect ou a expiré.",
  "problem.session_limit": "Le serveur a atteint son nombre maximal de sessions.",
  "problem.address_limit": "Cette adresse a atteint son nombre maximal de sessions.",
  "problem.key_limit": "Cette clé a atteint son nombre maximal de sessions.",
  "problem.viewer_limit": "Le nombre maximal de spectateurs est atteint.",
  "problem.overloaded": "Le serveur est surchargé : les sous-titres arrivent déjà en retard.",
  "problem.memory": "Le serveur manque de mémoire.",
  "problem.loading": "Le modèle est en cours de chargement.",
  "problem.stopping": "Le serveur s’arrête.",
  "problem.draining": "Le serveur s’arrête ; il termine ce qui a été dit jusqu’ici.",
  "problem.whole_link": "{sentence} Demandez le lien complet à l’intervenant.",
  "problem.try_again": {
    one: "{sentence} Réessayez dans {count} s.",
    many: "{sentence} Réessayez dans {count} s.",
    other: "{sentence} Réessayez dans {count} s.",
  },
};
