package frames

// secureDifferences is the part of the table about servers with access control.
var secureDifferences = []difference{
	{id: "A count is authorised", transcript: "13-secure-access", line: 57, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":16,"sessionId":"bee17287-e675-4e06-94bf-665fc6765711","action":"count","error":{"name":"AccessDenied","code":403,"message":"unauthorized"}},"protocol":"happn_4"}`,
	}},
	{id: "Documents and events are decided one by one", transcript: "18-nested-permissions", line: 39, sends: []string{
		`[{"x":"/n/4/5","_meta":{"path":"/n/4/5","created":1795189718362,"modified":1795189718362}},{"x":"/n/4/5/6","_meta":{"path":"/n/4/5/6","created":1795189718363,"modified":1795189718363}},{"type":"response","status":"ok","published":false,"eventId":6,"sessionId":"9fdf85fd-2eae-4bcc-af81-ca78d47f66d6","action":"get"}]`,
	}},
	{id: "Permissions of groups are united", transcript: "26-checks", line: 10, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"ok","published":false,"eventId":4,"sessionId":"d4e27b0d-abf2-4b9c-a77c-f15bafa0b67a","action":"get"},"protocol":"happn_4"}`,
	}},
	{id: "A change of a group names its permissions", transcript: "25-upsert-group-no-permissions", line: 9, sends: []string{
		`{"_meta":{"type":"system"},"eventKey":"security-data-changed","data":{"whatHappnd":"upsert-group","changedData":{"name":"GRP","custom_data":{"x":2},"permissions":{},"_meta":{"path":"/_SYSTEM/_SECURITY/_GROUP/GRP","created":1795190580856,"modified":1795190580917}}},"protocol":"happn_4"}`,
	}},
	{id: "A name logs in however it is written", transcript: "24-security-options", line: 12, sends: []string{
		`{"data":{"msgCount":3,"id":"f7146342-6e77-4886-93ad-d258bda1ef42","protocol":"happn_4","happn":{"name":"server1","secure":true},"headers":{"sec-websocket-version":"13","sec-websocket-key":"/cjwve6KP08yflZdbL1Yhg==","host":"127.0.0.1:59200"},"encrypted":false,"address":{"ip":"127.0.0.1","secure":false,"port":53902},"url":"/primus?_primuscb=Q7vgyXr","version":"13.12.1","cookieName":"happn_token","info":{"_browser":false,"_local":false},"user":{"username":"bob","userid":"f4dd5b06-e217-41df-a9f8-8e94354e7e3e","permissions":{}},"timestamp":1795190147217,"origin":"server1","type":1,"parentId":"f7146342-6e77-4886-93ad-d258bda1ef42","policy":{"0":{"ttl":0,"inactivity_threshold":null},"1":{"ttl":0,"inactivity_threshold":null}},"permissionSetKey":"2jmj7l5rSw0yVb/vlWAYkK/YBwk=","token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.x","authType":"default"},"_meta":{"type":"response","status":"ok","published":false,"eventId":3,"action":"login"},"protocol":"happn_4"}`,
	}},
	{id: "A session by token has the token's policy", transcript: "26-checks", line: 35, sends: []string{
		`{"data":{"msgCount":3,"id":"d4e27b0d-abf2-4b9c-a77c-f15bafa0b67b","protocol":"happn_4","happn":{"name":"server1","secure":true},"headers":{"sec-websocket-version":"13","sec-websocket-key":"VgjUM5xKwHtNjMvd779IlQ==","host":"127.0.0.1:58700"},"encrypted":false,"address":{"ip":"127.0.0.1","secure":false,"port":40402},"url":"/primus?_primuscb=Q7vjaby","version":"13.12.1","cookieName":"happn_token","info":{"_browser":false,"_local":false},"user":{"username":"lim","userid":"2917c9fc-4f98-4c2d-927c-2b1d76f9669d","permissions":{}},"timestamp":1795190835578,"origin":"server1","type":1,"parentId":"cc20bb25-0f2c-4d2b-8ef6-65a01c83f2c6","policy":{"0":{"ttl":0,"permissions":{"/lim/*":{"actions":["set"]}}},"1":{"ttl":0,"permissions":{"/lim/*":{"actions":["set"]}}}},"permissionSetKey":"g35Xwq3JRh17TQdSnhXy0wJMsGY=","token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.ImlkfGNjMjBiYjI1LTBmMmMtNGQyYi04ZWY2LTY1YTAxYzgzZjJjNnxpbmZvfF9icm93c2VyfF9sb2NhbHx0aW1lc3RhbXB8b3JpZ2lufHNlcnZlcjF8dHlwZXxwYXJlbnRJZHxwb2xpY3l8MHx0dGx8cGVybWlzc2lvbnN8L2xpbS8qfGFjdGlvbnN8c2V0fDF8aXNUb2tlbnx1c2VybmFtZXxsaW18dXNlcmlkfDI5MTdjOWZjLTRmOTgtNGMyZC05MjdjLTJiMWQ3NmY5NjY5ZF5NV1A2OVRWRXwxfDB8MF5eJDB8MXwyfCQzfC0yfDR8LTJdfDV8Tnw2fDd8OHxPfDl8MXxBfCRCfCRDfFB8RHwkRXwkRnxAR11dXV18SHwkQ3xRfER8JEV8JEZ8QEddXV1dXXxJfC0xfEp8S3xMfE1dIg.8bNMZd-yoRG4_3NB1ea5DBxntHIcfF2lTkL80XYrKcI","authType":"default"},"_meta":{"type":"response","status":"ok","published":false,"eventId":3,"action":"login"},"protocol":"happn_4"}`,
	}},
	{id: "A count is authorised", transcript: "15-secure-unauthenticated", line: 42, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":10,"action":"count","error":{"name":"AccessDenied","code":403,"message":"no policy attached to session"}},"protocol":"happn_4"}`,
		`{"_meta":{"type":"system"},"data":{"reason":"no-session-policy"},"eventKey":"server-side-disconnect"}`,
		`"primus::server::close"`,
	}, ends: true},
	{id: "Documents and events are decided one by one", transcript: "18-nested-permissions", line: 90, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":11,"sessionId":"9fdf85fd-2eae-4bcc-af81-ca78d47f66d6","action":"on","error":{"name":"AccessDenied","code":403,"message":"unauthorized"}},"protocol":"happn_4"}`,
	}},
	{id: "Documents and events are decided one by one", transcript: "18-nested-permissions", line: 93},
	{id: "Documents and events are decided one by one", transcript: "18-nested-permissions", line: 100, sends: []string{
		`{"data":[{"y":"/n/2/3","_meta":{"path":"/n/2/3","created":1795189718361,"modified":1795189718996}},{"y":"/n/4/5","_meta":{"path":"/n/4/5","created":1795189718362,"modified":1795189719059}},{"y":"/n/4/5/6","_meta":{"path":"/n/4/5/6","created":1795189718363,"modified":1795189719185}},{"z":2,"_meta":{"path":"/n/1","created":1795189718359,"modified":1795189719446}}],"_meta":{"status":"ok","referenceId":"QlTJZAmISGSabaP58rZ7vQ-2","type":"response","published":false,"eventId":13,"sessionId":"9fdf85fd-2eae-4bcc-af81-ca78d47f66d6","action":"on"},"protocol":"happn_4"}`,
	}},
	{id: "Off ends all depths", transcript: "18-nested-permissions", line: 108},
	{id: "No frame ends the process", transcript: "15-secure-unauthenticated", line: 62, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":10,"action":"change-password","error":{"name":"AccessDenied","code":403,"message":"no policy attached to session"}},"protocol":"happn_4"}`,
	}},
	{id: "A name logs in however it is written", transcript: "15-secure-unauthenticated", line: 168, sends: []string{
		`{"data":{"msgCount":2,"id":"eab2ea28-da54-47be-827c-6e91c1bdb170","protocol":"happn_4","happn":{"name":"server1","secure":true},"headers":{"sec-websocket-version":"13","sec-websocket-key":"NmQN/m2SxIKYa22wLpC8tw==","host":"127.0.0.1:60020"},"encrypted":false,"address":{"ip":"127.0.0.1","secure":false,"port":39458},"url":"/primus?_primuscb=raw","version":"x","cookieName":"happn_token","user":{"username":"bob","userid":"c0b71a49-9b4b-4845-b86d-e8e71d70effe","permissions":{}},"timestamp":1795189500374,"origin":"server1","type":1,"parentId":"eab2ea28-da54-47be-827c-6e91c1bdb170","policy":{"0":{"ttl":0,"inactivity_threshold":null},"1":{"ttl":0,"inactivity_threshold":null}},"permissionSetKey":"2jmj7l5rSw0yVb/vlWAYkK/YBwk=","token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.x","authType":"default"},"_meta":{"type":"response","status":"ok","published":false,"eventId":10,"action":"login"},"protocol":"happn_4"}`,
	}},
}
