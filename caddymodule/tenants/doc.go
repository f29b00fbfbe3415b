// Package tenants finds the route of the tenant that a request names, and the
// secrets that belong to it.
//
// A [Cache] looks secrets up in a [Store], such as a [Dir], once for any number
// of requests that wait for them, makes a route of them, and keeps that for as
// long as it is used. What it keeps is bounded, and so is how much it looks up:
// anybody can send requests for tenants that do not exist.
package tenants
