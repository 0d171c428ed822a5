package frames

import (
	"net/http"
	"time"
)

// bobOf makes the user of most recordings, in a group with permissions.
func bobOf(permissions string) func(*replay) {
	return func(p *replay) {
		p.operator.group("GRP", `{"permissions":`+permissions+`}`)
		p.operator.user("bob", `{"password":"pwd"}`, "GRP")
	}
}

// grants is an act: a permission for the group.
func grants(path, action string) func(*replay) {
	return func(p *replay) { p.operator.grant("groups/GRP", path, action) }
}

func withdraws(path, action string) func(*replay) {
	return func(p *replay) { p.operator.withdraw("groups/GRP", path, action) }
}

func does(method, path, body string) func(*replay) {
	return func(p *replay) { p.operator.do(method, path, body) }
}

func secureScripts() []script {
	scripts := []script{
		{name: "12-secure-login", secure: logins()},
		{name: "13-secure-access", secure: access()},
		{name: "14-token-logout-revoke", secure: sessionTokens()},
		{name: "15-secure-unauthenticated", secure: &secured{setup: bobOf(`{}`)}},
		{name: "18-nested-permissions", secure: nested()},
		{name: "24-security-options", secure: options()},
		{name: "25-upsert-group-no-permissions", secure: &secured{
			setup: bobOf(`{"/x":{"actions":["get"]}}`),
			acts: map[string]func(*replay){
				"upsertGroup without permissions while a member is connected": does(http.MethodPut, "/groups/GRP", `{"custom_data":{"x":2}}`),
			},
		}},
		{name: "26-checks", secure: checks()},
	}
	for _, version := range []string{"1", "2", "3", "4"} {
		scripts = append(scripts, script{name: "16-protocol-happn_" + version, secure: &secured{
			setup: bobOf(`{"/p/*":{"actions":["*"]}}`),
			acts: map[string]func(*replay){
				"security data change":   grants("/new/*", "set"),
				"server side disconnect": func(p *replay) { p.operator.do(http.MethodDelete, "/sessions/"+p.sessionOf(2)+"?reason=x", "") },
			},
		}})
	}
	return scripts
}

const lockoutInterval = time.Second

func logins() *secured {
	return &secured{
		args: []string{"--security.allowAnonymousAccess=true", "--security.lockout.attempts=3", "--security.lockout.retryInterval=" + lockoutInterval.String()},
		setup: func(p *replay) {
			p.operator.group("GRP", `{"permissions":{"/ok/*":{"actions":["*"]}}}`)
			p.operator.user("bob", `{"password":"pwd","custom_data":{"a":1},"application_data":{"z":1}}`, "GRP")
			p.operator.user("digest", `{"publicKey":"`+escaped(p.keyOf())+`"}`, "GRP")
		},
		acts:   map[string]func(*replay){"after lockout interval": waits(lockoutInterval)},
		forged: map[int]string{110: "the note says that the key is wrong"},
	}
}

func access() *secured {
	return &secured{
		setup: bobOf(`{"/ok/*":{"actions":["on","get","remove","set"]},"/ok/no":{"prohibit":["set"]},
			"/ro/*":{"actions":["get"]},"/u/{{user.username}}/*":{"actions":["*"]}}`),
		acts: map[string]func(*replay){
			"security directory: upsertPermission":          grants("/new/*", "set"),
			"security directory: removePermission":          withdraws("/new/*", "set"),
			"security directory: remove on permission":      withdraws("/ok/*", "on"),
			"security directory: upsertGroup with prohibit": does(http.MethodPut, "/groups/GRP", `{"permissions":{"/ro/*":{"prohibit":["on"]}}}`),
			"security directory: upsertUser":                does(http.MethodPut, "/users/bob", `{"custom_data":{"changed":1},"permissions":{"/up/*":{"actions":["get"]}}}`),
			"security directory: unlinkGroup":               does(http.MethodDelete, "/users/bob/groups/GRP", ""),
			"security directory: linkGroup":                 does(http.MethodPut, "/users/bob/groups/GRP", "{}"),
			"security directory: deleteGroup":               does(http.MethodDelete, "/groups/GRP", ""),
			"security directory: deleteUser":                does(http.MethodDelete, "/users/bob", ""),
		},
	}
}

func sessionTokens() *secured {
	const profiles = `[
		{"name":"short","session":{"user.username":"short"},"policy":{"ttl":700,"inactivity_threshold":null}},
		{"name":"inact","session":{"user.username":"inact"},"policy":{"ttl":0,"inactivity_threshold":300}},
		{"name":"usage","session":{"user.username":"usage"},"policy":{"ttl":3600000,"usage_limit":2}},
		{"name":"notok","session":{"user.username":"notok"},"policy":{"ttl":0,"disallowTokenLogins":true}},
		{"name":"lim","session":{"user.username":"lim"},"policy":{"ttl":0,"permissions":{"/lim/*":{"actions":["set"]}}}}]`
	return &secured{
		args: []string{"--security.profiles", profiles},
		setup: func(p *replay) {
			bobOf(`{"/ok/*":{"actions":["*"]}}`)(p)
			for _, name := range []string{"short", "inact", "usage", "notok", "lim"} {
				p.operator.user(name, `{"password":"pwd"}`, "GRP")
			}
		},
		acts: map[string]func(*replay){
			"set after inactivity": waits(400 * time.Millisecond),
			"type mismatch":        func(p *replay) { p.statelessToken(177, "bob", "pwd") },
		},
	}
}

func nested() *secured {
	return &secured{
		args: []string{"--security.allowNestedPermissions=true"},
		setup: bobOf(`{"/n/1":{"actions":["on","get"]},"/n/2/*":{"actions":["on","get"]},"/n/4/*":{"actions":["on","get"]},
			"/n/4/no":{"prohibit":["on","get"]},"/s/*":{"actions":["set"]}}`),
		acts: map[string]func(*replay){
			"grant /n/new":   grants("/n/new", "on"),
			"revoke /n/1 on": withdraws("/n/1", "on"),
		},
	}
}

func options() *secured {
	const profiles = `[
		{"name":"wl","session":{"user.username":"wl"},"policy":{"ttl":0,"sourceIPWhitelist":["10.0.0.1"]}},
		{"name":"lo","session":{"user.username":"lo"},"policy":{"ttl":0,"lockTokenToOrigin":true}},
		{"name":"ttl","session":{"user.username":"ttl"},"policy":{"ttl":2000,"inactivity_threshold":null}}]`
	deletes := does(http.MethodDelete, "/users/bob", "")
	makes := func(p *replay) { p.operator.user("bob", `{"password":"pwd"}`) }
	return &secured{
		args: []string{"--security.profiles", profiles, "--security.loginTimeout=1s", "--security.usernamesCaseInsensitive=true",
			"--security.token.allowTTL0Revocation=false", "--security.allowUserChooseAuthProvider=false", "--security.token.lockToUserId=true"},
		setup: func(p *replay) {
			for _, name := range []string{"bob", "wl", "lo", "ttl"} {
				p.operator.user(name, `{"password":"pwd"}`)
			}
		},
		acts: map[string]func(*replay){
			"token of deleted+recreated user": makes,
			"expired token login":             waits(2 * time.Second),
		},
		before: map[int]func(*replay){52: deletes, 108: deletes},
	}
}

func checks() *secured {
	const profiles = `[
		{"name":"lim","session":{"user.username":"lim"},"policy":{"ttl":0,"permissions":{"/lim/*":{"actions":["set"]}}}},
		{"name":"p0","session":{"user.username":"p0","type":{"$eq":0}},"policy":{"ttl":400}}]`
	return &secured{
		args: []string{"--security.profiles", profiles},
		setup: func(p *replay) {
			p.operator.group("A", `{"permissions":{"/x":{"actions":["get"]}}}`)
			p.operator.group("B", `{"permissions":{"/x":{"actions":["set"]}}}`)
			p.operator.user("bob", `{"password":"pwd"}`, "A", "B")
			p.operator.user("lim", `{"password":"pwd"}`, "A", "B")
			p.operator.user("p0", `{"password":"pwd"}`, "A", "B")
		},
		before: map[int]func(*replay){14: func(p *replay) { p.operator.grant("users/bob", "/x", "get") }},
	}
}
