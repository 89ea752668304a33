import Glossary

/// One event about to be made: whose it is, what belongs to it, and where its chances come from.
struct Scene {
    let world: SampleWorld
    /// Nil for a type that no story tells of.
    let event: StoryEvent?
    let message: SampleMessage
    let time: Int64
    /// Two numbers that no other event has.
    let high: UInt64
    let low: UInt64
    /// Whether every field that may be there is there.
    let isWhole: Bool

    var user: SampleUser { world.users[Int(message.user)] }

    var campaign: SampleCampaign? {
        message.origin == .campaign ? world.campaigns[Int(message.plan)] : nil
    }

    var canvas: SampleCanvas? {
        message.origin == .canvas ? world.canvases[Int(message.plan)] : nil
    }

    /// The step of the canvas; none when the user was sent none.
    var step: SampleCanvas.Step? {
        guard let steps = canvas?.steps, Int(message.step) < steps.count else { return nil }
        return steps[Int(message.step)]
    }

    var textGroup: SampleGroup { world.textGroups[Int(message.textGroup)] }

    var emailGroup: SampleGroup { world.emailGroups[Int(message.user) % world.emailGroups.count] }

    /// A number below the bound that is this event's own.
    func draw(_ salt: UInt64, below bound: Int) -> Int {
        SampleRandom.reduce(SampleRandom.mix(low ^ salt &* 0x9E37_79B9_7F4A_7C15), below: bound)
    }

    /// A number below the bound that all events of the message share.
    func shared(_ salt: UInt64, below bound: Int) -> Int {
        SampleRandom.reduce(SampleRandom.mix(message.seed ^ salt &* 0x9E37_79B9_7F4A_7C15), below: bound)
    }
}

/// Makes the value of a field, or nil where it is null.
typealias FieldMaker = @Sendable (Scene) -> SampleValue?

/// How the events of one type are made.
struct EventPlan: Sendable {
    let type: EventType
    let event: StoryEvent?
    private let makers: [FieldMaker]

    init(type: EventType) {
        let event = StoryEvent.allCases.first { $0.typeName == type.name }
        self.type = type
        self.event = event
        makers = type.fields.map { FieldMakers.maker(for: $0, event: event) }
    }

    func make(_ scene: Scene) -> SampleEvent {
        var values: [(name: String, value: SampleValue)] = []
        values.reserveCapacity(makers.count)
        for (field, maker) in zip(type.fields, makers) {
            if let value = maker(scene) { values.append((field.name, value)) }
        }
        return SampleEvent(type: type, values: values)
    }
}
