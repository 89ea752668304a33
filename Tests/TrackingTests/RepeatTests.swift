import Avro
import Platform
import Telemetry
import Testing

@testable import Tracking

@Suite("what a report that comes again is answered")
struct RepeatTests {
    private static let change = "users.behaviors.subscriptiongroup.StateChange"
    private static let canvas = #"{"name":"CV","variations":[{"id":"v","name":"V","share":100}]}"#

    @Test("a report of which nothing was taken leaves its key free, for itself and for a mended one")
    func refused() async throws {
        try await TrackingWorld().run { running in
            let body = #"{"entries":[{"user_id":"eve","canvas_id":"cv","canvas_variation_id":"v"}]}"#
            let first = try await running.report(.entries, body, key: "k")
            #expect(first.rejected.map(\.field) == ["in_control_group"])
            try await running.define(.canvas, "cv", Self.canvas)
            #expect(try await running.report(.entries, body, key: "k").accepted == 1)
            #expect(try await running.report(.entries, body, key: "k").duplicates == 1)
            #expect(try await running.events("users.canvas.Entry").count == 1)
            let wrong = #"{"enrolments":[{"user_id":"u","campaign_id":7}]}"#
            let right = #"{"enrolments":[{"user_id":"u","campaign_id":"c"}]}"#
            #expect(try await running.report(.enrolments, wrong, key: "e").rejected.count == 1)
            #expect(try await running.report(.enrolments, right, key: "e").accepted == 1)
        }
    }

    @Test("rejections, message ids and dispatch ids are the same, whatever has been defined since")
    func sameWords() async throws {
        let world = try TrackingWorld()
        let step = #""canvas_id":"cv","canvas_variation_id":"v","canvas_step_id":"s1","#
        let body = Stories.sends(["u1", "u2", "u3"], campaign: nil, more: step)
            .replacing(#""user_id":"u3","#, with: "")
        let first = try await world.run { try await $0.report(.sends, body, key: "k") }
        #expect(first.rejected.map(\.index) == [2])
        try await world.run { running in
            let entry = #""steps":[{"id":"s1","name":"S","entry":true,"scheduled":true}]"#
            let defined = "\(Self.canvas.dropLast()),\(entry)}"
            try await running.define(.canvas, "cv", defined)
            let second = try await running.report(.sends, body, key: "k")
            #expect(second.messages == first.messages && second.rejected == first.rejected)
            #expect(second.accepted == 0 && second.duplicates == 2)
            // A scheduled message's shared id too.
            let third = try await running.report(.sends, body, key: "shared")
            let fourth = try await running.report(.sends, body, key: "shared")
            #expect(Set(third.messages.map(\.dispatchID)).count == 1 && third.messages == fourth.messages)
        }
    }

    @Test("an answer is read back as it was written, and hostile text is refused")
    func text() throws {
        var handled = Handled(items: 4)
        handled.events = 2
        handled.repeats = 1
        handled.waiting = 3
        handled.rejected = [ItemRejection(3, "c", nil, "ü"), ItemRejection(1, "d", "f", "")]
        handled.withoutEvent = [.init(index: 0, outcome: "fault", reason: nil)]
        handled.messages = [
            .init(
                index: 0,
                messageID: TrackingIDs.messageID(day: StateDay(seconds: 90_000), "s", "k", "0"),
                dispatchID: "x"
            ),
            .init(
                index: 2,
                messageID: TrackingIDs.messageID(day: StateDay(seconds: 90_000), "s", "k", "2"),
                dispatchID: TrackingIDs.dispatchID("s", "k", item: 2)
            ),
        ]
        let answered = AnsweredReport(handled, "s", "k", arrived: 90_000, digest: 7)
        let read = try #require(AnsweredReport(answered.text))
        #expect(read == answered)
        let again = read.handled("s", "k")
        #expect(again.messages == handled.messages && again.rejected == handled.rejected && again.repeats == 3)
        #expect(again.waiting == 3 && again.withoutEvent == handled.withoutEvent && again.items == 4)
        for text in ["", "{}", "1767225600 5", #"{"arrived":1}"#] { #expect(AnsweredReport(text) == nil) }
    }

    @Test("a change of subscription that cannot be an event is told, and the right one afterwards is a change")
    func subscription() async throws {
        try await TrackingWorld().run { running in
            let item = #""user_id":"g","subscription_group_id":"g1","subscription_status":"Subscribed""#
            for (key, fault) in [("a", #","email_address":5"#), ("b", #","time":99999999999"#)] {
                let answer = try await running.report(
                    .subscriptions,
                    #"{"subscriptions":[{\#(item)\#(fault)}]}"#,
                    key: key
                )
                #expect(answer.rejected.count == 1 && answer.accepted == 0)
            }
            let right = try await running.report(
                .subscriptions,
                #"{"subscriptions":[{\#(item)},{\#(item)}]}"#,
                key: "c"
            )
            #expect(right.rejected.isEmpty && right.accepted == 1)
            #expect(right.withoutEvent.map(\.index) == [1] && right.withoutEvent.map(\.outcome) == ["unchanged"])
            #expect(try await running.events(Self.change).count == 1)
            // As in any report, the one whose time no event can have is kept aside.
            #expect(try await running.events("courant.DeadLetter").map { $0["code"] } == ["time_out_of_range"])
        }
    }

    @Test("a strange part of a body is one dead letter, however often its provider repeats it")
    func strange() async throws {
        try await TrackingWorld().run { running in
            for part in ["{", "{", "[", "{"] {
                let strange = TrackReport.StrangePart(raw: Array(part.utf8), message: "not an event")
                let report = TrackReport.provider(name: "sendgrid", [], strange: [strange])
                _ = try await running.tracker.take(report, from: "default", body: [1])
            }
            #expect(try await running.events("courant.DeadLetter").count == 2)
        }
    }

    @Test("an event that waited while its edition's type was taken away becomes a dead letter")
    func otherEdition() async throws {
        let world = try TrackingWorld(edition: "v10")
        try await world.run { running in
            try await running.provider([Stories.email("Deferral", "u1", key: "1", time: world.now)])
        }
        try await world.run(edition: "2021") { running in
            try await running.pass(.seconds(901))
            let letters = try await running.events("courant.DeadLetter")
            #expect(letters.map { $0["code"] } == ["event_type_unknown"])
            #expect(running.tracker.metrics.orphaned.value == 1)
        }
    }
}
