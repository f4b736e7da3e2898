/* SPDX-License-Identifier: Apache-2.0
 * The lobby's words: English and German.
 */
#include "lobby/words.h"

#include <stdio.h>

#define LANGUAGE_MASK 0x3FF
#define LANG_GERMAN   0x07

static const char *const english[] = {
    [WORD_CHOOSE] = "Choose a desktop",
    [WORD_SEARCH] = "Search",
    [WORD_NOTHING_FOUND] = "No desktop of yours has this in its name.",
    [WORD_MORE] = "#–# of #",
    [WORD_CODE] = "One more proof that it is you",
    [WORD_CODE_LABEL] = "Code of your authenticator app",
    [WORD_ASK] = "This desktop needs an approval",
    [WORD_REASON] = "What do you need it for?",
    [WORD_TICKET] = "Ticket number",
    [WORD_MINUTES] = "For how many minutes? At most #",
    [WORD_WAITING] = "Waiting for an approval",
    [WORD_CONSENT] = "Before you go on",
    [WORD_DENIED] = "You cannot go on",
    [WORD_FAILED] = "The desktop cannot be reached",
    [WORD_CONNECTING] = "Connecting to # …",
    [WORD_DISCONNECT] = "Disconnect",
    [WORD_CONTINUE] = "Continue",
    [WORD_BACK] = "Choose another",
    [WORD_RETRY] = "Try again",
    [WORD_ACCEPT] = "Accept",
    [WORD_SEND] = "Ask",
    [WORD_HINT] = "Tab: next   Enter: do it   Esc: back   F2: contrast",
    [WORD_NEEDS_CODE] = "asks for a code",
    [WORD_NEEDS_APPROVAL] = "needs an approval",
    [WORD_NO_ANSWER] = "It does not answer at its address. It may be switched off.",
    [WORD_NO_TRUST] = "It cannot prove that it is the right machine. Tell an administrator.",
    [WORD_NO_LOGIN] = "It refuses the account that is used there. Tell an administrator.",
    [WORD_NO_SEQUENCE] = "It ended the connection before a desktop was there.",
};

static const char *const german[] = {
    [WORD_CHOOSE] = "Desktop auswählen",
    [WORD_SEARCH] = "Suchen",
    [WORD_NOTHING_FOUND] = "Keiner Ihrer Desktops hat dies im Namen.",
    [WORD_MORE] = "#–# von #",
    [WORD_CODE] = "Noch ein Nachweis, dass Sie es sind",
    [WORD_CODE_LABEL] = "Code Ihrer Authenticator-App",
    [WORD_ASK] = "Dieser Desktop braucht eine Freigabe",
    [WORD_REASON] = "Wofür brauchen Sie ihn?",
    [WORD_TICKET] = "Ticketnummer",
    [WORD_MINUTES] = "Für wie viele Minuten? Höchstens #",
    [WORD_WAITING] = "Warten auf die Freigabe",
    [WORD_CONSENT] = "Bevor es weitergeht",
    [WORD_DENIED] = "Es geht nicht weiter",
    [WORD_FAILED] = "Der Desktop ist nicht erreichbar",
    [WORD_CONNECTING] = "Verbinden mit # …",
    [WORD_DISCONNECT] = "Trennen",
    [WORD_CONTINUE] = "Weiter",
    [WORD_BACK] = "Anderen wählen",
    [WORD_RETRY] = "Noch einmal",
    [WORD_ACCEPT] = "Annehmen",
    [WORD_SEND] = "Anfragen",
    [WORD_HINT] = "Tab: weiter   Eingabe: ausführen   Esc: zurück   F2: Kontrast",
    [WORD_NEEDS_CODE] = "fragt nach einem Code",
    [WORD_NEEDS_APPROVAL] = "braucht eine Freigabe",
    [WORD_NO_ANSWER] = "Er antwortet nicht unter seiner Adresse. Vielleicht ist er ausgeschaltet.",
    [WORD_NO_TRUST] =
        "Er kann nicht nachweisen, dass er der richtige ist. Bitte der Verwaltung melden.",
    [WORD_NO_LOGIN] = "Er lehnt das dort benutzte Konto ab. Bitte der Verwaltung melden.",
    [WORD_NO_SEQUENCE] = "Er hat die Verbindung beendet, bevor ein Desktop da war.",
};

_Static_assert(sizeof(english) / sizeof(english[0]) == WORD_COUNT, "all said");
_Static_assert(sizeof(german) / sizeof(german[0]) == WORD_COUNT, "all said");

const char *const *words_of(uint32_t layout)
{
    return (layout & LANGUAGE_MASK) == LANG_GERMAN ? german : english;
}

void words_fill(char *out, size_t size, const char *text, const char *const *values)
{
    size_t used = 0;

    for (; *text != '\0'; text++) {
        const char *value = *text == '#' ? *values++ : NULL;
        int n = value != NULL ? snprintf(out + used, size - used, "%s", value)
                              : snprintf(out + used, size - used, "%c", *text);

        if (n < 0 || (size_t)n >= size - used)
            return;
        used += (size_t)n;
    }
}
