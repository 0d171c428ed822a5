package frames

// differences is the table of what the host sends on purpose in place of, or in
// addition to, what was recorded.
var differences = []difference{
	{id: "Selected fields come with their path", transcript: "02-search", line: 21, sends: []string{
		`[{"region":"West","_meta":{"path":"/s/w"}},{"region":"North","_meta":{"path":"/s/n"}},{"type":"response","status":"ok","published":false,"eventId":9,"sessionId":"36b2779d-8cb9-413b-b92f-539f44e96067","action":"get"}]`,
	}},
	{id: "Selected fields come with their path", transcript: "02-search", line: 24, sends: []string{
		`[{"region":"South","_meta":{"path":"/s/s"}},{"region":"East","_meta":{"path":"/s/e"}},{"region":"North","_meta":{"path":"/s/n"}},{"region":"West","_meta":{"path":"/s/w"}},{"type":"response","status":"ok","published":false,"eventId":10,"sessionId":"36b2779d-8cb9-413b-b92f-539f44e96067","action":"get"}]`,
	}},
	{id: "Selected fields come with their path", transcript: "02-search", line: 27, sends: []string{
		`[{"region":"East","v":2,"_meta":{"path":"/s/e"}},{"region":"North","v":3,"_meta":{"path":"/s/n"}},{"region":"South","v":1,"_meta":{"path":"/s/s"}},{"region":"West","v":4,"_meta":{"path":"/s/w"}},{"type":"response","status":"ok","published":false,"eventId":11,"sessionId":"36b2779d-8cb9-413b-b92f-539f44e96067","action":"get"}]`,
	}},
	{id: "Selected fields come with their path", transcript: "02-search", line: 30, sends: []string{
		`[{"region":"East","_meta":{"path":"/s/e","created":1795253794461}},{"region":"North","_meta":{"path":"/s/n","created":1795253794458}},{"region":"South","_meta":{"path":"/s/s","created":1795253794460}},{"region":"West","_meta":{"path":"/s/w","created":1795253794463}},{"type":"response","status":"ok","published":false,"eventId":12,"sessionId":"36b2779d-8cb9-413b-b92f-539f44e96067","action":"get"}]`,
	}},
	{id: "Errors of the data layer say what is wrong", transcript: "02-search", line: 78, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":28,"sessionId":"36b2779d-8cb9-413b-b92f-539f44e96067","action":"get","error":{"name":"SystemError","message":"~$like","code":500,"severity":0,"reason":"DataService"}},"protocol":"happn_4"}`,
	}},
	{id: "Errors of the data layer say what is wrong", transcript: "02-search", line: 84, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":30,"sessionId":"36b2779d-8cb9-413b-b92f-539f44e96067","action":"get","error":{"name":"SystemError","message":"~$bogus","code":500,"severity":0,"reason":"DataService"}},"protocol":"happn_4"}`,
	}},
	{id: "More searches are answered", transcript: "02-search", line: 87, sends: []string{
		`{"data":{"value":[{"_id":"East"},{"_id":"North"},{"_id":"South"},{"_id":"West"}]},"_meta":{"type":"response","status":"ok","published":false,"eventId":31,"sessionId":"36b2779d-8cb9-413b-b92f-539f44e96067","action":"get"},"protocol":"happn_4"}`,
	}},
	{id: "More searches are answered", transcript: "02-search", line: 90, sends: []string{
		`[{"region":"East","v":2,"tags":["East","x2"],"deep":{"a":{"b":2}},"name":"Name e","_meta":{"path":"/s/e","created":1795188784441,"modified":1795188784441}},{"region":"North","v":3,"tags":["North","x3"],"deep":{"a":{"b":3}},"name":"Name n","_meta":{"path":"/s/n","created":1795188784438,"modified":1795188784438}},{"region":"South","v":1,"tags":["South","x1"],"deep":{"a":{"b":1}},"name":"Name s","_meta":{"path":"/s/s","created":1795188784441,"modified":1795188784441}},{"region":"West","v":4,"tags":["West","x4"],"deep":{"a":{"b":4}},"name":"Name w","_meta":{"path":"/s/w","created":1795188784442,"modified":1795188784442}},{"type":"response","status":"ok","published":false,"eventId":32,"sessionId":"36b2779d-8cb9-413b-b92f-539f44e96067","action":"get"}]`,
	}},
	{id: "Selected fields come with their path", transcript: "02-search", line: 99, sends: []string{
		`[{"v":2,"_meta":{"path":"/s/e"}},{"v":3,"_meta":{"path":"/s/n"}},{"v":1,"_meta":{"path":"/s/s"}},{"v":4,"_meta":{"path":"/s/w"}},{"type":"response","status":"ok","published":false,"eventId":35,"sessionId":"36b2779d-8cb9-413b-b92f-539f44e96067","action":"get"}]`,
	}},
	{id: "Selected fields come with their path", transcript: "02-search", line: 102, sends: []string{
		`{"data":{"region":"North"},"_meta":{"path":"/s/n","type":"response","status":"ok","published":false,"eventId":36,"sessionId":"36b2779d-8cb9-413b-b92f-539f44e96067","action":"get"},"protocol":"happn_4"}`,
	}},
	{id: "Tags and siblings are back", transcript: "05-set-options", line: 83},
	{id: "Tags and siblings are back", transcript: "05-set-options", line: 84},
	{id: "Tags and siblings are back", transcript: "05-set-options", line: 85, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":16,"sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","action":"set","error":{"name":"SystemError","message":"Cannot set tag with new data.","code":500,"severity":0,"reason":"DataService"}},"protocol":"happn_4"}`,
	}},
	{id: "Tags and siblings are back", transcript: "05-set-options", line: 88},
	{id: "Tags and siblings are back", transcript: "05-set-options", line: 89},
	{id: "Tags and siblings are back", transcript: "05-set-options", line: 90, sends: []string{
		`{"data":{"data":{"a":3,"b":5},"_meta":{"path":"/o/1","created":1795189176002,"modified":1795189176005}},"_meta":{"path":"/_TAGS/o/1/01a2b3c4-0000-7000-8000-000000000001","created":1795189176009,"modified":1795189176009,"tag":"mytag2","published":true,"type":"response","status":"ok","eventId":17,"sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","action":"set"},"protocol":"happn_4"}`,
	}},
	{id: "Tags and siblings are back", transcript: "05-set-options", line: 93, sends: []string{
		`[{"data":{"a":3,"b":5},"_meta":{"path":"/_TAGS/o/1/01a2b3c4-0000-7000-8000-000000000001","created":1795189176009,"modified":1795189176009,"tag":"mytag2"}},{"type":"response","status":"ok","published":false,"eventId":18,"sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","action":"get"}]`,
	}},
	{id: "Tags and siblings are back", transcript: "05-set-options", line: 96, sends: []string{
		`{"data":{"a":3,"b":5},"_meta":{"path":"/o/1","created":1795189176002,"modified":1795189176005,"type":"response","status":"ok","published":false,"eventId":19,"sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","action":"get"},"protocol":"happn_4"}`,
	}},
	{id: "Tags and siblings are back", transcript: "05-set-options", line: 99},
	{id: "Tags and siblings are back", transcript: "05-set-options", line: 100},
	{id: "Tags and siblings are back", transcript: "05-set-options", line: 101, sends: []string{
		`{"data":{"a":1},"_meta":{"path":"/o/sib/01a2b3c4-0000-7000-8000-000000000002","created":1795189176011,"modified":1795189176011,"published":true,"type":"response","status":"ok","eventId":20,"sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","action":"set"},"protocol":"happn_4"}`,
	}},
	{id: "A publication cannot lie about its origin", transcript: "05-set-options", line: 112, sends: []string{
		`{"data":{"a":7},"_meta":{"action":"/SET@/o/1","type":"data","sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","consistency":2,"publicationId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2-23","path":"/o/1","created":1795253794760,"modified":1795253794785,"custom":1,"channel":"/ALL@/o/*"},"protocol":"happn_4"}`,
	}},
	{id: "A publication cannot lie about its origin", transcript: "05-set-options", line: 113, sends: []string{
		`{"data":{"a":7},"_meta":{"action":"/SET@/o/1","type":"data","sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","consistency":2,"publicationId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2-23","path":"/o/1","created":1795253794760,"modified":1795253794785,"custom":1,"channel":"/ALL@/o/*"},"protocol":"happn_4"}`,
	}},
	{id: "An update updates, an insert inserts", transcript: "05-set-options", line: 134},
	{id: "An update updates, an insert inserts", transcript: "05-set-options", line: 135},
	{id: "An update updates, an insert inserts", transcript: "05-set-options", line: 136, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":28,"sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","action":"set","error":{"name":"SystemError","message":"~/o/ins","code":500,"severity":0,"reason":"DataService"}},"protocol":"happn_4"}`,
	}},
	{id: "An update updates, an insert inserts", transcript: "05-set-options", line: 139},
	{id: "An update updates, an insert inserts", transcript: "05-set-options", line: 140},
	{id: "An update updates, an insert inserts", transcript: "05-set-options", line: 141, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":29,"sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","action":"set","error":{"name":"SystemError","message":"~/o/upd","code":500,"severity":0,"reason":"DataService"}},"protocol":"happn_4"}`,
	}},
	{id: "An increment is a number", transcript: "05-set-options", line: 185, sends: []string{
		`{"data":{"value":5,"gauge":"g3"},"_meta":{"action":"/SET@/o/inc","type":"data","sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","consistency":2,"publicationId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2-40","path":"/o/inc","channel":"/ALL@/o/*"},"protocol":"happn_4"}`,
	}},
	{id: "An increment is a number", transcript: "05-set-options", line: 186, sends: []string{
		`{"data":{"value":5,"gauge":"g3"},"_meta":{"action":"/SET@/o/inc","type":"data","sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","consistency":2,"publicationId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2-40","path":"/o/inc","channel":"/ALL@/o/*"},"protocol":"happn_4"}`,
	}},
	{id: "An increment is a number", transcript: "05-set-options", line: 187, sends: []string{
		`{"data":{"value":5,"gauge":"g3"},"_meta":{"type":"response","status":"ok","published":true,"eventId":40,"sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","action":"set"},"protocol":"happn_4"}`,
	}},
	{id: "Selected fields come with their path", transcript: "05-set-options", line: 218, sends: []string{
		`[{"_meta":{"path":"/o/bulk","created":1795253794797,"modified":1795253794797}},{"_meta":{"path":"/o/date","created":1795253794818,"modified":1795253794818}},{"_meta":{"path":"/o/inc","created":1795253794800,"modified":1795253794810}},{"_meta":{"path":"/o/ins","created":1795253794791,"modified":1795253794796}},{"_meta":{"path":"/o/m","created":1795253794769,"modified":1795253794770}},{"_meta":{"path":"/o/nc","created":1795253794812,"modified":1795253794812}},{"_meta":{"path":"/o/new","created":1795253794772,"modified":1795253794773}},{"_meta":{"path":"/o/sib/01a2b3c4-0000-7000-8000-000000000002","created":1795253794780,"modified":1795253794780}},{"_meta":{"path":"/o/uni","created":1795253794819,"modified":1795253794819}},{"_meta":{"path":"/o/wm","created":1795253794813,"modified":1795253794813}},{"_meta":{"path":"/o/wp","created":1795253794815,"modified":1795253794815}},{"type":"response","status":"ok","published":false,"eventId":47,"sessionId":"ebd1cf21-e66b-4e3c-96b8-56d2342f1ba2","action":"get"}]`,
	}},
	{id: "Nobody to wait for is no failure", transcript: "06-consistency", line: 77, sends: []string{
		`{"id":"fb93760e-2964-4bb7-a260-e12fd30254e0-11","action":"publication-ack","result":{"successful":0,"failed":0,"skipped":0,"acknowledged":0,"queued":0},"status":"ok","_meta":{"type":"ack","eventId":11},"protocol":"happn_4"}`,
	}},
	{id: "An unknown protocol is refused", transcript: "07-errors", line: 21, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":3,"action":"configure-session","error":{"name":"Error","message":"~foo_9"}},"protocol":"happn"}`,
	}},
	{id: "What is no known request is answered", transcript: "07-errors", line: 41, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":7,"action":"bogus","error":{"name":"Error","message":"~bogus"}},"protocol":"happn_4"}`,
	}},
	{id: "Errors of the data layer say what is wrong", transcript: "07-errors", line: 44, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":8,"action":"get","error":{"name":"Error","message":"Bad path [undefined], must be a string"}},"protocol":"happn_4"}`,
	}},
	{id: "What is no known request is answered", transcript: "07-errors", line: 143, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":34,"action":"security-directory-changed","error":{"name":"Error","message":"~security-directory-changed"}},"protocol":"happn_4"}`,
	}},
	{id: "Wildcards see every store", transcript: "19-datastores", line: 23, sends: []string{
		`[{"x":"/bile/x","_meta":{"path":"/bile/x","created":1795189720026,"modified":1795189720026}},{"x":"/f","_meta":{"path":"/f","created":1795189720026,"modified":1795189720026}},{"x":"/file/1","_meta":{"path":"/file/1","created":1795189720023,"modified":1795189720023}},{"x":"/file/1/2","_meta":{"path":"/file/1/2","created":1795189720025,"modified":1795189720025}},{"x":"/mix/keep","_meta":{"path":"/mix/keep","created":1795189720025,"modified":1795189720025}},{"x":"/mix/other","_meta":{"path":"/mix/other","created":1795189720025,"modified":1795189720025}},{"type":"response","status":"ok","published":false,"eventId":11,"sessionId":"ebd1ad23-e5f9-430f-aead-051732ecdf6a","action":"get"}]`,
	}},
	{id: "Wildcards see every store", transcript: "19-datastores", line: 25, sends: []string{
		`[{"x":"/mix/keep","_meta":{"path":"/mix/keep","created":1795189720025,"modified":1795189720025}},{"x":"/mix/other","_meta":{"path":"/mix/other","created":1795189720025,"modified":1795189720025}},{"type":"response","status":"ok","published":false,"eventId":12,"sessionId":"ebd1ad23-e5f9-430f-aead-051732ecdf6a","action":"get"}]`,
	}},
	{id: "Wildcards see every store", transcript: "19-datastores", line: 27, sends: []string{
		`[{"x":"/bile/x","_meta":{"path":"/bile/x","created":1795189720026,"modified":1795189720026}},{"x":"/f","_meta":{"path":"/f","created":1795189720026,"modified":1795189720026}},{"x":"/file/1","_meta":{"path":"/file/1","created":1795189720023,"modified":1795189720023}},{"x":"/file/1/2","_meta":{"path":"/file/1/2","created":1795189720025,"modified":1795189720025}},{"x":"/mix/keep","_meta":{"path":"/mix/keep","created":1795189720025,"modified":1795189720025}},{"x":"/mix/other","_meta":{"path":"/mix/other","created":1795189720025,"modified":1795189720025}},{"type":"response","status":"ok","published":false,"eventId":13,"sessionId":"ebd1ad23-e5f9-430f-aead-051732ecdf6a","action":"get"}]`,
	}},
	{id: "Criteria mean what they mean in MongoDB", transcript: "22-misc", line: 31, sends: []string{
		`[{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"type":"response","status":"ok","published":false,"eventId":11,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Criteria mean what they mean in MongoDB", transcript: "22-misc", line: 34, sends: []string{
		`[{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"v":3,"s":"b","d":"2020-01-01","_meta":{"path":"/q/3","created":1795253799989,"modified":1795253799989}},{"type":"response","status":"ok","published":false,"eventId":12,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Criteria mean what they mean in MongoDB", transcript: "22-misc", line: 49, sends: []string{
		`[{"v":1,"t":["x","y"],"s":"abc","o":{"k":1},"_meta":{"path":"/q/1","created":1795253799985,"modified":1795253799985}},{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"type":"response","status":"ok","published":false,"eventId":17,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Criteria mean what they mean in MongoDB", transcript: "22-misc", line: 55, sends: []string{
		`[{"v":1,"t":["x","y"],"s":"abc","o":{"k":1},"_meta":{"path":"/q/1","created":1795253799985,"modified":1795253799985}},{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"type":"response","status":"ok","published":false,"eventId":19,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Criteria mean what they mean in MongoDB", transcript: "22-misc", line: 61, sends: []string{
		`[{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"type":"response","status":"ok","published":false,"eventId":21,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Criteria mean what they mean in MongoDB", transcript: "22-misc", line: 64, sends: []string{
		`[{"v":1,"t":["x","y"],"s":"abc","o":{"k":1},"_meta":{"path":"/q/1","created":1795253799985,"modified":1795253799985}},{"type":"response","status":"ok","published":false,"eventId":22,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Criteria mean what they mean in MongoDB", transcript: "22-misc", line: 70, sends: []string{
		`[{"v":1,"t":["x","y"],"s":"abc","o":{"k":1},"_meta":{"path":"/q/1","created":1795253799985,"modified":1795253799985}},{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"v":3,"s":"b","d":"2020-01-01","_meta":{"path":"/q/3","created":1795253799989,"modified":1795253799989}},{"v":"10","s":"","_meta":{"path":"/q/4","created":1795253799990,"modified":1795253799990}},{"v":true,"_meta":{"path":"/q/5","created":1795253799991,"modified":1795253799991}},{"value":"prim","_meta":{"path":"/q/6","created":1795253799993,"modified":1795253799993}},{"value":[1,2,3],"_meta":{"path":"/q/7","created":1795253799994,"modified":1795253799994}},{"type":"response","status":"ok","published":false,"eventId":24,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Criteria mean what they mean in MongoDB", transcript: "22-misc", line: 82, sends: []string{
		`[{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"v":3,"s":"b","d":"2020-01-01","_meta":{"path":"/q/3","created":1795253799989,"modified":1795253799989}},{"v":"10","s":"","_meta":{"path":"/q/4","created":1795253799990,"modified":1795253799990}},{"v":true,"_meta":{"path":"/q/5","created":1795253799991,"modified":1795253799991}},{"value":"prim","_meta":{"path":"/q/6","created":1795253799993,"modified":1795253799993}},{"value":[1,2,3],"_meta":{"path":"/q/7","created":1795253799994,"modified":1795253799994}},{"type":"response","status":"ok","published":false,"eventId":28,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Criteria mean what they mean in MongoDB", transcript: "22-misc", line: 85, sends: []string{
		`[{"v":1,"t":["x","y"],"s":"abc","o":{"k":1},"_meta":{"path":"/q/1","created":1795253799985,"modified":1795253799985}},{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"type":"response","status":"ok","published":false,"eventId":29,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Criteria mean what they mean in MongoDB", transcript: "22-misc", line: 88, sends: []string{
		`[{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"type":"response","status":"ok","published":false,"eventId":30,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Criteria mean what they mean in MongoDB", transcript: "22-misc", line: 94, sends: []string{
		`[{"v":1,"t":["x","y"],"s":"abc","o":{"k":1},"_meta":{"path":"/q/1","created":1795253799985,"modified":1795253799985}},{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"type":"response","status":"ok","published":false,"eventId":32,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Errors of the data layer say what is wrong", transcript: "22-misc", line: 97, sends: []string{
		`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":33,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get","error":{"name":"SystemError","message":"~$not","code":500,"severity":0,"reason":"DataService"}},"protocol":"happn_4"}`,
	}},
	{id: "Documents sort as in MongoDB", transcript: "22-misc", line: 109, sends: []string{
		`[{"value":"prim","_meta":{"path":"/q/6","created":1795253799993,"modified":1795253799993}},{"value":[1,2,3],"_meta":{"path":"/q/7","created":1795253799994,"modified":1795253799994}},{"v":1,"t":["x","y"],"s":"abc","o":{"k":1},"_meta":{"path":"/q/1","created":1795253799985,"modified":1795253799985}},{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"v":3,"s":"b","d":"2020-01-01","_meta":{"path":"/q/3","created":1795253799989,"modified":1795253799989}},{"v":"10","s":"","_meta":{"path":"/q/4","created":1795253799990,"modified":1795253799990}},{"v":true,"_meta":{"path":"/q/5","created":1795253799991,"modified":1795253799991}},{"type":"response","status":"ok","published":false,"eventId":37,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Documents sort as in MongoDB", transcript: "22-misc", line: 112, sends: []string{
		`[{"v":true,"_meta":{"path":"/q/5","created":1795253799991,"modified":1795253799991}},{"v":"10","s":"","_meta":{"path":"/q/4","created":1795253799990,"modified":1795253799990}},{"v":3,"s":"b","d":"2020-01-01","_meta":{"path":"/q/3","created":1795253799989,"modified":1795253799989}},{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"v":1,"t":["x","y"],"s":"abc","o":{"k":1},"_meta":{"path":"/q/1","created":1795253799985,"modified":1795253799985}},{"value":"prim","_meta":{"path":"/q/6","created":1795253799993,"modified":1795253799993}},{"value":[1,2,3],"_meta":{"path":"/q/7","created":1795253799994,"modified":1795253799994}},{"type":"response","status":"ok","published":false,"eventId":38,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Documents sort as in MongoDB", transcript: "22-misc", line: 115, sends: []string{
		`[{"value":"prim","_meta":{"path":"/q/6","created":1795253799993,"modified":1795253799993}},{"value":[1,2,3],"_meta":{"path":"/q/7","created":1795253799994,"modified":1795253799994}},{"v":1,"t":["x","y"],"s":"abc","o":{"k":1},"_meta":{"path":"/q/1","created":1795253799985,"modified":1795253799985}},{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"v":3,"s":"b","d":"2020-01-01","_meta":{"path":"/q/3","created":1795253799989,"modified":1795253799989}},{"v":"10","s":"","_meta":{"path":"/q/4","created":1795253799990,"modified":1795253799990}},{"v":true,"_meta":{"path":"/q/5","created":1795253799991,"modified":1795253799991}},{"type":"response","status":"ok","published":false,"eventId":39,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Documents sort as in MongoDB", transcript: "22-misc", line: 118, sends: []string{
		`[{"v":true,"_meta":{"path":"/q/5","created":1795253799991,"modified":1795253799991}},{"v":"10","s":"","_meta":{"path":"/q/4","created":1795253799990,"modified":1795253799990}},{"v":3,"s":"b","d":"2020-01-01","_meta":{"path":"/q/3","created":1795253799989,"modified":1795253799989}},{"v":2,"t":["y"],"s":"ABC","n":null,"_meta":{"path":"/q/2","created":1795253799987,"modified":1795253799987}},{"v":1,"t":["x","y"],"s":"abc","o":{"k":1},"_meta":{"path":"/q/1","created":1795253799985,"modified":1795253799985}},{"value":"prim","_meta":{"path":"/q/6","created":1795253799993,"modified":1795253799993}},{"value":[1,2,3],"_meta":{"path":"/q/7","created":1795253799994,"modified":1795253799994}},{"type":"response","status":"ok","published":false,"eventId":40,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"get"}]`,
	}},
	{id: "Everything means everything of its kind", transcript: "22-misc", line: 141},
	{id: "Off for everything ends only that", transcript: "22-misc", line: 182, sends: []string{
		`{"data":{"id":false,"removed":[{"subscriberKey":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","data":{"options":{"event_type":"all","count":0,"timeout":60000},"session":{"id":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","protocol":"happn_4","info":{"data":"just a string","_browser":false,"_local":false}},"ref":"Gy4FXeQ7TMmIbIFfqV6HPQ-6","action":"ALL","searchPath":"*","path":"*"}}]},"_meta":{"status":"ok","type":"response","published":false,"eventId":58,"sessionId":"f6e28201-2c7b-4d4f-bb3c-35ab04a49b0b","action":"off"},"protocol":"happn_4"}`,
	}},
	{id: "Off for everything ends only that", transcript: "22-misc", line: 183, conn: 1, sends: []string{
		`{"data":{"a":1},"_meta":{"action":"/SET@/keep","type":"data","sessionId":"a51974d0-bd71-4c47-9d8c-ef0e1112d8ec","consistency":2,"publicationId":"a51974d0-bd71-4c47-9d8c-ef0e1112d8ec-10","path":"/keep","created":1795189955646,"modified":1795189955646,"channel":"/ALL@/keep"},"protocol":"happn_4"}`,
	}},
}
