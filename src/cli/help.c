/* SPDX-License-Identifier: Apache-2.0
 * The texts of --help: what a command does, how it is used, and what to do next.
 */
#include "cli/cli.h"

#include <string.h>

struct page {
    const char *command, *brief, *text;
};

static const char overview[] =
    "Sallyport is a gateway for remote desktops: people sign in to it with NLA, and it signs in\n"
    "to their targets, so that a target's password never reaches a person's machine.\n"
    "\n"
    "Usage: sallyport COMMAND [OPTIONS]\n"
    "\n";

static const char overview_end[] =
    "\n"
    "Options:\n"
    "  -c, --config FILE   the configuration (default " CLI_CONFIG_DEFAULT ")\n"
    "  -s, --socket PATH   the running service's control socket, for sessions and kill\n"
    "      --json          answer as JSON\n"
    "  -h, --help          this text, or a command's page\n"
    "\n"
    "First steps:\n"
    "  1. sallyport passwd alice          makes the line for \"users:\"\n"
    "  2. write sallyport.yaml            every key: man sallyport.yaml\n"
    "  3. sallyport check -c sallyport.yaml\n"
    "  4. sallyport serve -c sallyport.yaml\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage. `sallyport help COMMAND` says more.\n";

static const struct page pages[] = {
    {"serve", "run the gateway in the foreground",
     "Usage: sallyport serve [-c FILE]\n"
     "\n"
     "Checks the configuration, opens the listeners and serves until SIGTERM or SIGINT; then open\n"
     "sessions have limits.drain to end. Started as root it becomes the account of the key\n"
     "\"user\"; without root it works on ports from 1024.\n"
     "Events are written to event_log, one JSON object a line.\n"
     "\n"
     "Example: sallyport serve -c /etc/sallyport/sallyport.yaml\n"},
    {"check", "validate a configuration and show what it allows",
     "Usage: sallyport check [-c FILE] [--json]\n"
     "\n"
     "Reads the file as serve would, secrets included, and changes nothing. If it is good, shows\n"
     "listeners, targets, and who may reach what by which rule. If not, names file, line, field,\n"
     "what was expected, and the remedy; exit status 1.\n"
     "\n"
     "Example: sallyport check -c sallyport.yaml && systemctl restart sallyport\n"},
    {"user", "people in the store",
     "Usage: sallyport user list|show NAME|add NAME KEY=VALUE…|set NAME KEY=VALUE…|remove NAME\n"
     "       [-c FILE | -s SOCKET] [--json]\n"
     "\n"
     "Shows and changes what the store has; KEYs are those of the configuration file, with dots\n"
     "between levels, and VALUEs are YAML. An empty VALUE takes a key away. Secrets are named by\n"
     "file:PATH or env:NAME, never written out. What stands in the configuration file is shown,\n"
     "and changed there.\n"
     "\n"
     "Example: sallyport user add alice nt_hash=file:alice.hash\n"},
    {"group", "groups in the store",
     "Usage: sallyport group list|show NAME|add NAME KEY=VALUE…|set NAME KEY=VALUE…|remove NAME\n"
     "       [-c FILE | -s SOCKET] [--json]\n"
     "\n"
     "Shows and changes what the store has; KEYs are those of the configuration file, with dots\n"
     "between levels, and VALUEs are YAML. An empty VALUE takes a key away. Secrets are named by\n"
     "file:PATH or env:NAME, never written out. What stands in the configuration file is shown,\n"
     "and changed there.\n"
     "\n"
     "Example: sallyport group set admins members=[alice,bob]\n"},
    {"target", "targets in the store",
     "Usage: sallyport target list|show NAME|add NAME KEY=VALUE…|set NAME KEY=VALUE…|remove NAME\n"
     "       [-c FILE | -s SOCKET] [--json]\n"
     "\n"
     "Shows and changes what the store has; KEYs are those of the configuration file, with dots\n"
     "between levels, and VALUEs are YAML. An empty VALUE takes a key away. Secrets are named by\n"
     "file:PATH or env:NAME, never written out. What stands in the configuration file is shown,\n"
     "and changed there.\n"
     "\n"
     "Example: sallyport target add web01 address=10.0.0.5 login=delegate\n"},
    {"rule", "rules in the store",
     "Usage: sallyport rule list|show NAME|add NAME KEY=VALUE…|set NAME KEY=VALUE…|remove NAME\n"
     "       [-c FILE | -s SOCKET] [--json]\n"
     "\n"
     "Shows and changes what the store has; KEYs are those of the configuration file, with dots\n"
     "between levels, and VALUEs are YAML. An empty VALUE takes a key away. Secrets are named by\n"
     "file:PATH or env:NAME, never written out. What stands in the configuration file is shown,\n"
     "and changed there.\n"
     "\n"
     "Example: sallyport rule add web users=[alice] targets=[web01]\n"},
    {"apply", "make the store say what a policy file says",
     "Usage: sallyport apply FILE [--dry-run] [--prune] [-c FILE | -s SOCKET] [--json]\n"
     "\n"
     "Prints what would change (+ new, ~ changed, - removed), then does it as one change: all of\n"
     "it or nothing. --dry-run only prints. --prune removes what FILE does not name. file: and\n"
     "env: secrets are read by this command, from the folder of FILE.\n"
     "\n"
     "Example: sallyport apply policy.yaml --dry-run\n"},
    {"export", "write the store's policy as a file that apply takes",
     "Usage: sallyport export [--secrets] [-c FILE | -s SOCKET] [--json]\n"
     "\n"
     "Secrets are left out and kept when the file is applied; --secrets, for root alone, writes\n"
     "them too.\n"
     "\n"
     "Example: sallyport export > policy.yaml\n"},
    {"vault", "make a new master key, or repair the store",
     "Usage: sallyport vault rotate [-c FILE | -s SOCKET] [--json]\n"
     "       sallyport vault repair [-c FILE] [--json]\n"
     "\n"
     "rotate asks the running service to seal everything with a new master key. repair, while the\n"
     "service is stopped, removes rows that were damaged or edited and accepts what is missing.\n"
     "\n"
     "Example: sallyport vault rotate\n"},
    {"backup", "copy the store while it is in use",
     "Usage: sallyport backup FILE [-c FILE] [--json]\n"
     "\n"
     "FILE must not exist. It is of no use without the master key, which is not in it.\n"
     "\n"
     "Example: sallyport backup /var/backups/sallyport.db\n"},
    {"explain", "show what policy says of somebody, and why",
     "Usage: sallyport explain USER [TARGET] [--from ADDRESS] [--at TIME] [--nla KIND]\n"
     "                         [--factor KIND[@TIME]] [--client NAME] [--build NUMBER]\n"
     "                         [-c FILE | -s PATH] [--json]\n"
     "\n"
     "Shows each rule that names the user or the target, what holds in it and what does not, and\n"
     "the decision. Asks the running service; with -c FILE the file alone answers, without\n"
     "grants and sessions. TIME is 2026-11-22T03:00, UTC, or with +01:00 behind it. Without\n"
     "--client the client's name is taken as not known yet, as it is when a session is decided.\n"
     "KIND of --nla is ntlm (assumed), kerberos, ticket or none; of --factor totp, webauthn or\n"
     "recovery.\n"
     "\n"
     "Example: sallyport explain alice web01 --from 203.0.113.7 --at 2026-11-22T03:00\n"},
    {"passwd", "turn a password into the nt_hash of a user",
     "Usage: sallyport passwd [NAME] [--json]\n"
     "\n"
     "Asks for a password twice without showing it, or reads one line if standard input is not a\n"
     "terminal, and prints what to paste under \"users:\". A password is never taken from the\n"
     "command line, where others could see it. Treat the hash as the password itself: keep it in\n"
     "a file with mode 0600, or write nt_hash: file:PATH or env:NAME.\n"
     "\n"
     "Example: sallyport passwd alice\n"},
    {"sessions", "list the sessions of the running service",
     "Usage: sallyport sessions [-c FILE | -s SOCKET] [--json]\n"
     "\n"
     "Asks the running service over its control socket, which answers root and the account that\n"
     "it runs as.\n"
     "\n"
     "Example: sallyport sessions --json | jq '.sessions[].user'\n"},
    {"kill", "end one session",
     "Usage: sallyport kill ID [--reason TEXT] [-c FILE | -s SOCKET] [--json]\n"
     "\n"
     "Ends the session that `sallyport sessions` lists under ID; the person is told that an\n"
     "administrator did it, and the reason goes into the event log.\n"
     "\n"
     "Example: sallyport kill 7f3a9c --reason \"maintenance\"\n"},
    {"reload", "make the running service read its configuration anew",
     "Usage: sallyport reload [-c FILE | -s SOCKET] [--json]\n"
     "\n"
     "Checks the file that the service was started with and replaces users, targets, rules, "
     "limits,\n"
     "certificate and listeners at once. A file with a mistake changes nothing: the mistake is\n"
     "printed and the exit status is 1. Sessions that are open go on. SIGHUP does the same "
     "without\n"
     "an answer; what came of it is in the event log.\n"
     "\n"
     "Example: sallyport check -c FILE && sallyport reload -c FILE\n"},
    {"ban", "show and change who is kept out",
     "Usage: sallyport ban list [OPTIONS]\n"
     "       sallyport ban add NETWORK [--for TIME] [--reason TEXT] [OPTIONS]\n"
     "       sallyport ban remove NETWORK [OPTIONS]\n"
     "\n"
     "list shows the networks that an administrator shut out, and the sources that are refused\n"
     "for a while because they failed to sign in too often or sent what no client sends. add\n"
     "shuts an address or a network out, for TIME (90s, 10m, 2h, 7d, 4w) or without end. remove\n"
     "ends a ban, and forgives a source its penalty. Sessions that are open go on: sallyport\n"
     "kill ends them.\n"
     "OPTIONS are -c FILE or -s SOCKET, and --json.\n"
     "\n"
     "Example: sallyport ban add 192.0.2.0/24 --for 7d --reason \"password guessing\"\n"},
    {"directory", "try a login at the directory",
     "Usage: sallyport directory test USER [OPTIONS]\n"
     "\n"
     "asks for USER's password and has the running service try it at directory.ldap. Printed are\n"
     "the groups that the directory's ones stand for; the exit status is 1 if it is refused.\n"
     "The password is asked for unseen on a terminal, else read from standard input.\n"
     "OPTIONS are -c FILE or -s SOCKET, and --json.\n"
     "\n"
     "Example: sallyport directory test alice\n"},
    {"ticket", "issue, list and revoke credentials that are good once",
     "Usage: sallyport ticket issue USER TARGET [--for TIME] [--from NETWORK] [--rdp FILE]\n"
     "                             [--address HOST[:PORT]] [OPTIONS]\n"
     "       sallyport ticket list [OPTIONS]\n"
     "       sallyport ticket revoke TICKET [OPTIONS]\n"
     "\n"
     "issue makes a user name and a password that let USER reach TARGET once, within TIME (10s to\n"
     "24h, 5m if it is not given), from NETWORK only if it is given. Any client can use them. A\n"
     "rule must allow USER to reach TARGET, now and when the ticket is used, and the target's "
     "login\n"
     "must be inject. --rdp writes a signed file that names this gateway and the ticket; the\n"
     "password is not in it.\n"
     "A ticket that was used, revoked or is too old is listed for a day.\n"
     "OPTIONS are -c FILE or -s SOCKET, and --json.\n"
     "\n"
     "Example: sallyport ticket issue alice web01 --for 5m --from 192.0.2.7 --rdp web01.rdp\n"},
    {"factor", "enrol, confirm, list and remove second factors",
     "Usage: sallyport factor enrol USER [OPTIONS]\n"
     "       sallyport factor confirm USER CODE [OPTIONS]\n"
     "       sallyport factor list [OPTIONS]\n"
     "       sallyport factor remove USER [OPTIONS]\n"
     "\n"
     "enrol makes a new secret for time-based codes and shows it as a QR code for an "
     "authenticator;\n"
     "confirm makes it good by its first code, within an hour. After twenty wrong codes in a row "
     "a\n"
     "factor is locked until it is removed and enrolled anew.\n"
     "OPTIONS are -c FILE or -s SOCKET, and --json.\n"
     "\n"
     "Example: sallyport factor enrol alice\n"},
    {"request", "ask for access to a target for a while",
     "Usage: sallyport request add TARGET [--for TIME] [--reason TEXT] [--ticket TEXT] [OPTIONS]\n"
     "       sallyport request list [OPTIONS]\n"
     "       sallyport request withdraw REQUEST [OPTIONS]\n"
     "\n"
     "For targets whose rule demands an approval. You are the user of Sallyport that is called as\n"
     "your account on this machine; an administrator says --as USER (or --user USER) and speaks\n"
     "for somebody else. Without --for as long as the rule allows. A request waits for a day.\n"
     "list shows your own requests and those that you may decide about; administrators and\n"
     "auditors see all.\n"
     "OPTIONS are --as USER, -c FILE or -s SOCKET, and --json.\n"
     "\n"
     "Example: sallyport request add web01 --for 2h --reason \"disk full\" --ticket CHG-17\n"},
    {"grant", "decide about requests; extend and end access",
     "Usage: sallyport grant list [OPTIONS]\n"
     "       sallyport grant approve REQUEST [--for TIME] [OPTIONS]\n"
     "       sallyport grant refuse REQUEST --reason TEXT [OPTIONS]\n"
     "       sallyport grant extend GRANT --for TIME [OPTIONS]\n"
     "       sallyport grant revoke GRANT [--reason TEXT] [OPTIONS]\n"
     "       sallyport grant break-glass TARGET --for TIME --reason TEXT [OPTIONS]\n"
     "\n"
     "approve, refuse and extend are for members of the group that the rule names, who need the\n"
     "role approver or admin as well, and never for one's own request. --for of approve is at "
     "most\n"
     "what was asked for; --for of extend is added to the end. revoke ends a grant and the "
     "sessions\n"
     "that it let in within 2 s. break-glass needs no approver: for members of the "
     "configuration's\n"
     "break_glass.group, for four hours at most, with an event of its own.\n"
     "OPTIONS are --as USER, -c FILE or -s SOCKET, and --json.\n"
     "\n"
     "Example: sallyport grant approve r-0123456789abcdef --for 1h\n"},
    {"rdp", "write a signed .rdp file for a target",
     "Usage: sallyport rdp TARGET -o FILE [--user USER] [--address HOST[:PORT]]\n"
     "                     [--ticket [--for TIME] [--from NETWORK]] [OPTIONS]\n"
     "\n"
     "Writes a file that leads a client to this gateway and from there to TARGET, signed with the\n"
     "key of the gateway's certificate as Windows' rdpsign signs. USER is the name of your own\n"
     "account if it is not given. The gateway's name is the first of the key names, or HOST.\n"
     "--ticket issues a ticket with it, whose password is printed; see sallyport help ticket.\n"
     "-o - writes to standard output.\n"
     "OPTIONS are -c FILE or -s SOCKET, and --json.\n"
     "\n"
     "Example: sallyport rdp web01 --user alice -o web01.rdp\n"},
    {"allow", "show and change who is let in whatever it does",
     "Usage: sallyport allow list [OPTIONS]\n"
     "       sallyport allow add NETWORK [--for TIME] [--reason TEXT] [OPTIONS]\n"
     "       sallyport allow remove NETWORK [OPTIONS]\n"
     "\n"
     "An allowed network is neither penalised nor banned, and a ban that covers it does not hold\n"
     "for it. The limits per account hold for it as for others. guard.allow in the configuration\n"
     "does the same without an end.\n"
     "OPTIONS are -c FILE or -s SOCKET, and --json.\n"
     "\n"
     "Example: sallyport allow add 192.0.2.0/24 --for 1d --reason \"a conference\"\n"},
    {"port", "open listeners that are closed to strangers",
     "Usage: sallyport port list [OPTIONS]\n"
     "       sallyport port open NETWORK [--for TIME] [--reason TEXT] [OPTIONS]\n"
     "       sallyport port close NETWORK [OPTIONS]\n"
     "\n"
     "A listener with jit_port: true refuses every source but those that were opened here or hold\n"
     "an unused ticket for their address, or a running grant. close ends what open began.\n"
     "OPTIONS are -c FILE or -s SOCKET, and --json.\n"
     "\n"
     "Example: sallyport port open 198.51.100.4 --for 10m\n"},
    {"guard", "explain what holds for an address or an account",
     "Usage: sallyport guard explain ADDRESS|USER [OPTIONS]\n"
     "       sallyport guard forgive ADDRESS|USER [OPTIONS]\n"
     "\n"
     "explain shows every counter, what follows from it, why, and until when. forgive sets them\n"
     "back: an address's penalty, or what is counted against an account; a ban stays unless it is\n"
     "of exactly that address.\n"
     "OPTIONS are -c FILE or -s SOCKET, and --json.\n"
     "\n"
     "Example: sallyport guard explain 198.51.100.4\n"},
    {"upgrade", "let the program that is on disk now take over",
     "Usage: sallyport upgrade [-c FILE | -s SOCKET] [--json]\n"
     "\n"
     "Starts the installed program anew beside the running one, hands the listening sockets over,\n"
     "and lets the running one finish: no connection is refused and no session ends. If the new "
     "one\n"
     "does not start, nothing changes and the exit status is 1.\n"
     "\n"
     "Sessions of the old process are listed and ended with -s SOCKET.PID, PID being its "
     "number.\n"},
    {"version", "print the version",
     "Usage: sallyport version [--json]\n"
     "\n"
     "Prints the version of this program.\n"},
    {"help", "explain a command",
     "Usage: sallyport help [COMMAND]\n"
     "\n"
     "Prints the page of a command, or the overview.\n"},
};

#define PAGE_COUNT (sizeof(pages) / sizeof(pages[0]))

bool cli_help_knows(const char *command)
{
    for (size_t i = 0; i < PAGE_COUNT; i++)
        if (strcmp(pages[i].command, command) == 0)
            return true;
    return false;
}

void cli_help_print(FILE *to, const char *command)
{
    if (command == NULL) {
        fputs(overview, to);
        fputs("Commands:\n", to);
        for (size_t i = 0; i < PAGE_COUNT; i++)
            fprintf(to, "  %-10s %s\n", pages[i].command, pages[i].brief);
        fputs(overview_end, to);
        return;
    }
    for (size_t i = 0; i < PAGE_COUNT; i++)
        if (strcmp(pages[i].command, command) == 0)
            fprintf(to, "sallyport %s: %s\n\n%s", command, pages[i].brief, pages[i].text);
}
