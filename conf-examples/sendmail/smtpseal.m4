divert(-1)
dnl smtpseal for Sendmail. One line at the end of sendmail.mc, behind the MAILER lines:
dnl
dnl	include(`/usr/local/share/smtpseal/smtpseal.m4')dnl
dnl
dnl and before it what this host shall do:
dnl
dnl	define(`SMTPSEAL_OUTBOUND', `relay')dnl	Mail for listed domains goes to smtpseal-relay, which seals it. The default.
dnl				    `native'	Sendmail seals it itself by the SASL plugin. Where a login fails, MAIL FROM leaves
dnl						in clear, and no more.
dnl				    `none'	Outgoing mail is left alone.
dnl	define(`SMTPSEAL_INBOUND', `yes')dnl	Partners log on to Sendmail by NTLM and seal their sessions. Default: `no'.
dnl	define(`SMTPSEAL_MILTER', `')dnl	Where smtpseal-milter listens; empty: there is none.
dnl						Default: `unix:/run/smtpseal/milter'.
dnl For native mail this is needed, too; the rest seldom is:
dnl
dnl	SMTPSEAL_DOMAINS	relay: the map of listed domains. Default: `socket local:/run/smtpseal/policyd', which is
dnl				smtpseal-policyd. Empty: none is asked, and /etc/mail/mailertable has the lines of
dnl				`smtpseal export sendmail --mailertable'.
dnl	SMTPSEAL_SSF		native: the strength in bits of every layer of this host: sasl.client_strength of smtpseal.toml,
dnl				which is 128 there. No default here: the two have to be the same.
dnl	SMTPSEAL_RELAYING	inbound: the accounts, with blanks between, that may relay to other hosts. Default: none. A blank in
dnl				an account is written +20.
dnl
dnl Whatever in sendmail.mc contradicts this stops m4 with a message.

define(`_SMTPSEAL_STOP_', `errprint(`*** ERROR: smtpseal: '`$*'`
')m4exit(`1')')
define(`_SMTPSEAL_DEFAULT_', `ifdef(`$1', `', `define(`$1', `$2')')')

_SMTPSEAL_DEFAULT_(`SMTPSEAL_OUTBOUND', `relay')
_SMTPSEAL_DEFAULT_(`SMTPSEAL_INBOUND', `no')
_SMTPSEAL_DEFAULT_(`SMTPSEAL_MILTER', `unix:/run/smtpseal/milter')
_SMTPSEAL_DEFAULT_(`SMTPSEAL_DOMAINS', `socket local:/run/smtpseal/policyd')
_SMTPSEAL_DEFAULT_(`SMTPSEAL_RELAYING', `')

ifdef(`_MAILER_smtp_', `', `_SMTPSEAL_STOP_(`include smtpseal.m4 behind MAILER(smtp)')')
ifelse(index(`|relay|native|none|', `|'SMTPSEAL_OUTBOUND`|'), `-1',
	`_SMTPSEAL_STOP_(`SMTPSEAL_OUTBOUND is relay, native or none, not "'SMTPSEAL_OUTBOUND`"')')
ifelse(index(`|yes|no|', `|'SMTPSEAL_INBOUND`|'), `-1',
	`_SMTPSEAL_STOP_(`SMTPSEAL_INBOUND is yes or no, not "'SMTPSEAL_INBOUND`"')')

dnl ---- outgoing mail, either way
dnl
dnl No resolver may lead mail for a listed domain elsewhere: no domain is replaced by what its CNAME says, and none is completed to a
dnl listed one by the search list of resolv.conf. The host status is no help where the relay is the only host, left alone for half
dnl an hour once it was down, and has no effect without a cache of sessions.

ifelse(SMTPSEAL_OUTBOUND, `none', `', `
ifdef(`_NULL_CLIENT_ONLY_', `_SMTPSEAL_STOP_(`a nullclient sends all mail to its hub: set SMTPSEAL_OUTBOUND to none')')
ifdef(`_CANONIFY_HOSTS_', `_SMTPSEAL_STOP_(`canonify_hosts lets DNS replace the names of listed domains')')
define(`_NO_CANONIFY_', `1')
define(`confDONT_EXPAND_CNAMES', `True')
undefine(`confHOST_STATUS_DIRECTORY')
define(`confBIND_OPTS', defn(`confBIND_OPTS')` -DNSRCH -DEFNAMES')
define(`_SMTPSEAL_BIND_OPTS_', defn(`confBIND_OPTS'))
')

dnl ---- relay
dnl
dnl LOCAL_RULE_0, for each address whose domain is not local: the map says the mailer, or nothing. It comes before the mailertable,
dnl LDAP routing and virtual users, whatever they say, and is asked about address literals too. Where the map fails, Sendmail
dnl keeps the message.
dnl
dnl The mailers have flags and rule sets of the distribution's esmtp, and LMTP (z); the relay at the second socket announces no
dnl 8BITMIME, so that Sendmail converts.

ifelse(SMTPSEAL_OUTBOUND, `relay', `
ifelse(SMTPSEAL_DOMAINS, `', `
ifdef(`_MAILER_TABLE_', `', `_SMTPSEAL_STOP_(`without SMTPSEAL_DOMAINS the listed domains stand in FEATURE(mailertable)')')
', `
LOCAL_CONFIG
Ksmtpseal SMTPSEAL_DOMAINS
LOCAL_RULE_0
R$* < @ $=w . > $*	$@ $1 < @ $2 . > $3
R$* < @ $+ > $*	$: <?> < $2 > $1 < @ $2 > $3
R<?> < $+ . > $*	$: <?> < $1 > $2
R<?> < $+ > $*	$: < $(smtpseal $1 $: $) > $2
R< $~[ : $* > $*	$>MailerToTriple < $1 : $2 > $3
R< > $*	$: $1
R< $+ > $*	$#error $@ 4.3.5 $: "451 the map smtpseal answers what is no mailer"
divert(-1)
')
MAILER_DEFINITIONS
Msmtpseal,	P=[IPC], F=mDFMuXz, S=EnvFromSMTP/HdrFromSMTP, R=ifdef(`_ALL_MASQUERADE_', `EnvToSMTP/HdrFromSMTP', `EnvToSMTP'), E=\r\n, L=990,
		T=DNS/RFC822/SMTP,
		A=FILE /run/smtpseal/relay
Msmtpseal7,	P=[IPC], F=mDFMuXz, S=EnvFromSMTP/HdrFromSMTP, R=ifdef(`_ALL_MASQUERADE_', `EnvToSMTP/HdrFromSMTP', `EnvToSMTP'), E=\r\n, L=990,
		T=DNS/RFC822/SMTP,
		A=FILE /run/smtpseal/relay-7bit
divert(-1)
')

dnl ---- native
dnl
dnl A confMCI_CACHE_SIZE of 2 in sendmail.mc cannot be told from the distribution's default.
dnl
dnl Local_tls_server: Sendmail does not say how strong the layer of a session is in which it is the client. The plugin refuses a
dnl login that gives less than sasl.client_strength, so that a layer means this strength. The rule set is called before AUTH,
dnl when its {auth_type} is empty, and again once a layer is in place. What the session had that brought a message, where the same
dnl process delivers it, must not show through: so the envelope gets 0 and "none" of its own.
dnl
dnl Local_try_tls: that second call is left out where TLS is in use, and a login without a layer, by another plugin, could not be
dnl told from a sealed session. So there is no TLS with servers that AuthInfo has "M:NTLM" for.
dnl
dnl Local_tls_rcpt: SmtpSeal:DOMAIN in the access map, as `smtpseal export sendmail' writes it, is the strength that the session
dnl of a recipient must have by NTLM. TLS does not count: nothing says whose certificate it would have to be.

ifelse(SMTPSEAL_OUTBOUND, `native', `
ifdef(`_ACCESS_TABLE_', `', `_SMTPSEAL_STOP_(`native needs FEATURE(access_db): SmtpSeal: says there what has to be sealed')')
ifdef(`_LOCAL_TLS_SERVER_', `_SMTPSEAL_STOP_(`native brings a LOCAL_TLS_SERVER, and sendmail.mc has another')')
ifdef(`_LOCAL_TLS_RCPT_', `_SMTPSEAL_STOP_(`native brings a LOCAL_TLS_RCPT, and sendmail.mc has another')')
ifdef(`_LOCAL_TRY_TLS_', `_SMTPSEAL_STOP_(`native brings a LOCAL_TRY_TLS, and sendmail.mc has another')')
ifdef(`SMTPSEAL_SSF', `', `_SMTPSEAL_STOP_(`native needs SMTPSEAL_SSF: sasl.client_strength of smtpseal.toml')')
ifelse(index(`|40|56|128|', `|'SMTPSEAL_SSF`|'), `-1',
	`_SMTPSEAL_STOP_(`SMTPSEAL_SSF is 40, 56 or 128, not "'SMTPSEAL_SSF`"')')
ifelse(index(`|0|2|', `|'confMCI_CACHE_SIZE`|'), `-1',
	`_SMTPSEAL_STOP_(`confMCI_CACHE_SIZE has to be 0: nothing checks a session again that was kept')')
define(`confMCI_CACHE_SIZE', `0')
ifdef(`_AUTHINFO_TABLE_', `', `
define(`_AUTHINFO_TABLE_', `')
LOCAL_CONFIG
Kauthinfo DATABASE_MAP_TYPE MAIL_SETTINGS_DIR`'authinfo
divert(-1)
')
define(`_LOCAL_TLS_SERVER_', `smtpseal')
define(`_LOCAL_TLS_RCPT_', `smtpseal')
define(`_LOCAL_TRY_TLS_', `smtpseal')
divert(9)
SLocal_tls_server
R$*		$: $1 $| $(macro {auth_ssf} $@ 0 $) $(macro {auth_type} $@ none $)
R$* $| $*	$: $1 $| $&{auth_type}
R$* $| NTLM	$: $1 $| $(macro {auth_ssf} $@ SMTPSEAL_SSF $)
R$* $| $*	$: $1

SLocal_try_tls
R$*				$: $1 $| $>"authinfo" $1
R$* $| $# $* "M:NTLM" $*	$#error $@ 4.7.1 $: "450 NTLM seals the session with " $&{server_name} ", not TLS"
R$* $| $*			$: $1

SLocal_tls_rcpt
R$*			$: <?> $>CanonAddr $1
R<?> $* < @ $+ . >	<?> $1 < @ $2 >
R<?> $* < @ $+ > $*	$: $2 $| $>SearchList <! SmtpSeal> $| <D:$2> <E:> <>
R<?> $*			$@ OK
R$* $| <?>		$@ OK
R$* $| <none>		$@ OK
R$* $| <$* _ATMPF_>	$#error $@ 4.3.0 $: _TMPFMSG_(`SS')
R$* $| <$+>		$: $1 $| $2 $| $&{auth_type} $&{auth_ssf}
R$* $| $- $| NTLM $-	$: $1 $| $2 $| $(arith l $@ $3 $@ $2 $)
R$* $| $- $| FALSE	$@ OK
R$* $| $* $| $*		$#error $@ 4.7.1 $: "454 mail for " $1 " must be sealed by NTLM with " $2 " bit, and this session is not"
divert(-1)
')

dnl ---- incoming mail
dnl
dnl TRUST_AUTH_MECH would let every partner relay to other hosts. Who may do so needs a layer besides the login: without, his session
dnl can be taken over. Sendmail writes the account in xtext.
dnl
dnl Local_tls_client: STARTTLS in a sealed session would end the layer, and Sendmail would go on calling the session sealed.

define(`_SMTPSEAL_XTEXT_', `patsubst(patsubst(patsubst(`$1', `\+', `+2B'), `\\', `+5C'), `=', `+3D')')
ifelse(SMTPSEAL_INBOUND, `yes', `
_SMTPSEAL_DEFAULT_(`confAUTH_OPTIONS', `p,y')
ifelse(regexp(defn(`confAUTH_OPTIONS'), `[adfm]'), `-1', `',
	`_SMTPSEAL_STOP_(`confAUTH_OPTIONS with a, d, f or m hides NTLM')')
define(`_USE_AUTH_', `1')
ifdef(`_LOCAL_TLS_CLIENT_', `_SMTPSEAL_STOP_(`inbound brings a LOCAL_TLS_CLIENT, and sendmail.mc has another')')
define(`_LOCAL_TLS_CLIENT_', `smtpseal')
divert(9)
SLocal_tls_client
R$* $| STARTTLS	$: < $&{auth_type} > $1 $| STARTTLS
R< > $*		$: $1
R< $+ > $*	$#error $@ 5.7.0 $: "503 STARTTLS has to come before AUTH"
divert(-1)
ifelse(SMTPSEAL_RELAYING, `', `', `
LOCAL_CONFIG
C{SmtpsealRelaying}_SMTPSEAL_XTEXT_(SMTPSEAL_RELAYING)
LOCAL_RULESETS
SLocal_Relay_Auth
RNTLM		$: < $&{auth_ssf} > $&{auth_authen}
R< 0 > $*	$@ NO
R< $+ > $={SmtpsealRelaying}	$# RELAY
divert(-1)
')
')

dnl ---- the plugin, either way
dnl
dnl Sendmail can mix up the plaintext of two sessions of one family of processes (docs/howto-sendmail.md). So a daemon that receives
dnl sealed mail does not deliver, and what is sent natively is sent by the queue runner.

define(`_SMTPSEAL_PLUGIN_', ifelse(SMTPSEAL_OUTBOUND, `native', `1', SMTPSEAL_INBOUND, `yes', `1', `0'))
ifelse(_SMTPSEAL_PLUGIN_, `1', `
ifdef(`confAUTH_MAX_BITS', `_SMTPSEAL_STOP_(`confAUTH_MAX_BITS would take the layer away')')
ifelse(index(`|queueonly|q|background|', `|'confDELIVERY_MODE`|'), `-1',
	`_SMTPSEAL_STOP_(`confDELIVERY_MODE has to be queueonly where Sendmail uses the plugin')')
define(`confDELIVERY_MODE', `queueonly')
_SMTPSEAL_DEFAULT_(`confAUTH_MECHANISMS', `NTLM')
ifelse(index(` 'defn(`confAUTH_MECHANISMS')` ', ` NTLM '), `-1',
	`_SMTPSEAL_STOP_(`confAUTH_MECHANISMS lacks NTLM')')
define(`_SMTPSEAL_MECHANISMS_', defn(`confAUTH_MECHANISMS'))
define(`_SMTPSEAL_OPTIONS_', defn(`confAUTH_OPTIONS'))
')

dnl ---- what strangers may ask for
dnl
dnl VERB would make the daemon deliver all the same and show our logins, ETRN would repeat them at will. A bounce, which may leave in
dnl clear, does not carry what was sealed.

define(`_SMTPSEAL_SEALS_', ifelse(SMTPSEAL_OUTBOUND, `none', SMTPSEAL_INBOUND, `yes'))
ifelse(_SMTPSEAL_SEALS_, `yes', `
define(`confPRIVACY_FLAGS', defn(`confPRIVACY_FLAGS')`,noverb,noexpn,noetrn,nobodyreturn')
define(`_SMTPSEAL_PRIVACY_', defn(`confPRIVACY_FLAGS'))
')

dnl ---- the milter, before all others, so that none of them sees a forged status

ifelse(SMTPSEAL_MILTER, `', `', `
define(`_SMTPSEAL_FILTERS_', defn(`confINPUT_MAIL_FILTERS'))
MAIL_FILTER(`smtpseal', `S='SMTPSEAL_MILTER`, F=T, T=C:30s;S:30s;R:2m;E:5m')
define(`confINPUT_MAIL_FILTERS', ifelse(defn(`_SMTPSEAL_FILTERS_'), `', ``smtpseal'', ``smtpseal, '_SMTPSEAL_FILTERS_'))
define(`_SMTPSEAL_ALL_FILTERS_', defn(`confINPUT_MAIL_FILTERS'))
')

dnl ---- once more at the end of sendmail.mc, since lines behind the include could undo all this
dnl
dnl Daemon options are known by their first letters. AuthMaxBits has to come after all that LOCAL_CONFIG might have; the other options
dnl do anyway.

define(`_SMTPSEAL_KEPT_', `ifelse(defn(`$1'), `$2', `', `_SMTPSEAL_STOP_(`$1 is changed behind smtpseal.m4: include it last')')')
define(`_SMTPSEAL_OF_DAEMONS_', `regexp(defn(`_DPO_'), `\(DaemonPortOptions=\|,\) *$1')')
define(`_SMTPSEAL_CHECK_', `
ifelse(SMTPSEAL_OUTBOUND, `none', `', `
_SMTPSEAL_KEPT_(`_NO_CANONIFY_', `1')
_SMTPSEAL_KEPT_(`confDONT_EXPAND_CNAMES', `True')
_SMTPSEAL_KEPT_(`confBIND_OPTS', defn(`_SMTPSEAL_BIND_OPTS_'))
')
ifelse(SMTPSEAL_INBOUND, `yes', `_SMTPSEAL_KEPT_(`_LOCAL_TLS_CLIENT_', `smtpseal')')
ifelse(_SMTPSEAL_SEALS_, `yes', `_SMTPSEAL_KEPT_(`confPRIVACY_FLAGS', defn(`_SMTPSEAL_PRIVACY_'))')
ifelse(SMTPSEAL_OUTBOUND, `native', `
_SMTPSEAL_KEPT_(`confMCI_CACHE_SIZE', `0')
_SMTPSEAL_KEPT_(`_LOCAL_TLS_SERVER_', `smtpseal')
_SMTPSEAL_KEPT_(`_LOCAL_TLS_RCPT_', `smtpseal')
_SMTPSEAL_KEPT_(`_LOCAL_TRY_TLS_', `smtpseal')
')
ifelse(_SMTPSEAL_PLUGIN_, `1', `
_SMTPSEAL_KEPT_(`confDELIVERY_MODE', `queueonly')
_SMTPSEAL_KEPT_(`confAUTH_MECHANISMS', defn(`_SMTPSEAL_MECHANISMS_'))
_SMTPSEAL_KEPT_(`confAUTH_OPTIONS', defn(`_SMTPSEAL_OPTIONS_'))
_SMTPSEAL_KEPT_(`confAUTH_MAX_BITS', `')
ifelse(_SMTPSEAL_OF_DAEMONS_(`[dD]'), `-1', `', `_SMTPSEAL_STOP_(`DeliveryMode in DAEMON_OPTIONS has to go')')
divert(6)O AuthMaxBits=2147483647
divert(-1)
')
ifelse(SMTPSEAL_MILTER, `', `', `
_SMTPSEAL_KEPT_(`confINPUT_MAIL_FILTERS', defn(`_SMTPSEAL_ALL_FILTERS_'))
ifelse(_SMTPSEAL_OF_DAEMONS_(`[iI]'), `-1', `', `_SMTPSEAL_STOP_(`InputMailFilters in DAEMON_OPTIONS has to go')')
')
')
m4wrap(`pushdef(`_SMTPSEAL_DIVERSION_', divnum)divert(-1)_SMTPSEAL_CHECK_`'divert(_SMTPSEAL_DIVERSION_)dnl
')
divert(0)dnl
