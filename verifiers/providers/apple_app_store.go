package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// AppleAppStore sends a JWS with the certificates of its key, which must lead to
// Apple's root and carry Apple's marks for the App Store: Apple's root also
// stands over certificates that any developer can have. A signature proves that
// Apple sent the notification, not that it is about our app, so bundle and
// environment, and in production the app's Apple id, must be named. Everything
// else, transaction and renewal, is in further JWSs inside, which consumers
// verify for themselves or take as part of what was signed.
var AppleAppStore = add(verifiers.Provider{
	Name:   "apple-app-store",
	Title:  "Apple App Store (Server Notifications V2)",
	Docs:   "https://developer.apple.com/documentation/appstoreservernotifications",
	Scheme: appleScheme{},
	Options: []verifiers.Option{
		{Name: appleBundle, Example: "com.example.app", Doc: "The bundle id of the app, or several.", Required: true, Multiple: true},
		{Name: appleEnvironment, Doc: "Production, which is the preset, or Sandbox."},
		{Name: appleApp, Example: "1234567890", Doc: "The Apple id of the app, a number, or several; required in production.", Multiple: true},
		{Name: appleRoot, Doc: "Another root certificate, as PEM, in place of Apple Root CA - G3."},
	},
	ID:   applePayload.Claim("/notificationUUID"),
	Type: verifiers.Join(".", applePayload.Claim("/notificationType"), applePayload.Claim("/subtype")),
	Time: applePayload.Claim("/signedDate"),

	TypePrefix: "com.apple.appstore",
	NeedsJSON:  true,
	RetrySpan:  96 * time.Hour,

	Category: "payments",
	Setup:    "Enter the URL for version 2 under App Information > App Store Server Notifications in App Store Connect, one for production and one for the sandbox. There is no secret: Apple's root certificate is built in.",
	Signs:    "The notification, as a JWS with ES256 and certificates that lead to Apple's root",
	Retries:  "In production five times: 1, 12, 24, 48 and 72 hours after the attempt before, 157 hours in all; events are remembered for 96. In the sandbox not at all.",
	Notes: []string{
		"A notification for another developer's app is signed as well: bundle id, environment and Apple id are compared.",
		"Certificates are judged at the time of signing, as by Apple's library without online checks; revocation is not looked up.",
		"The published payload is the body as received; consumers decode signedPayload.",
	},
	Sources: []string{
		"https://developer.apple.com/documentation/appstoreservernotifications",
		"npm @apple/app-store-server-library@3.1.0 SignedDataVerifier",
		"https://www.apple.com/certificateauthority/",
	},
	Confidence: verifiers.High,
})
