import Avro
import Intake
import Platform

/// What a report says of a campaign or canvas that its definition denies.
private struct Breach {
    let rule: String
    let field: String
    let message: String

    init(_ rule: String, _ field: String, _ message: String) {
        self.rule = rule
        self.field = field
        self.message = message
    }
}

extension Turn {
    /// Why an item is not taken as it says what definitions deny.
    ///
    /// As with events: a strict source rejects it, a lenient one takes it and counts the rule.
    func breach(
        _ fields: Fields,
        at time: Int64,
        of index: Int,
        isEnrolment: Bool = false,
        isStrict: Bool = false
    ) -> ItemRejection? {
        if isStrict, let rejection = undefinedCanvas(fields, at: time, of: index) { return rejection }
        for breach in breaches(fields, at: time, isEnrolment: isEnrolment) {
            if let rejection = judge(breach, of: index, isStrict: isStrict) { return rejection }
        }
        return nil
    }

    /// Why an item is not taken whose message went to another user than it names; the message's word counts.
    func breach(_ fields: Fields, of message: MessageContext, _ index: Int) -> ItemRejection? {
        for name in ["user_id", "external_user_id"] {
            guard let named = fields.string(name), let sent = message.fields.string(name), named != sent else {
                continue
            }
            let text = "message \(message.messageID) went to another \(name)"
            return judge(Breach("recipient_differs", name, text), of: index, isStrict: false)
        }
        return nil
    }

    private func judge(_ breach: Breach, of index: Int, isStrict: Bool) -> ItemRejection? {
        if isStrict || intake.isStrict(source.name) {
            return ItemRejection(index, breach.rule, breach.field, breach.message)
        }
        intake.countBroken(rule: breach.rule, of: source.name)
        return nil
    }

    /// Why an entry is not taken that leaves to the canvas's definition whether it is one of the control group.
    private func undefinedCanvas(_ fields: Fields, at time: Int64, of index: Int) -> ItemRejection? {
        guard let id = fields.string("canvas_id"), book.canvas(id, at: time) == nil else { return nil }
        let near = NearMiss.suggestion(for: id, among: book.canvases(at: time).map(\.id))
        let hint = near.map { "did you mean \($0)?" } ?? "define it, or say in_control_group"
        let message = "in_control_group is missing, and canvas \(id.quotedCut) is not defined; \(hint)"
        return ItemRejection(index, Rejection.Code.fieldMissing, "in_control_group", message)
    }

    private func breaches(_ fields: Fields, at time: Int64, isEnrolment: Bool) -> [Breach] {
        let (campaign, canvas) = (fields.string("campaign_id"), fields.string("canvas_id"))
        if campaign != nil, canvas != nil {
            let message = "a message belongs to a campaign or to a canvas; name one of them"
            return [Breach("campaign_and_canvas", "canvas_id", message)]
        }
        if let campaign, let definition = book.campaign(campaign, at: time) {
            return breaches(fields, of: definition, isEnrolment: isEnrolment)
        }
        if let canvas, let definition = book.canvas(canvas, at: time) { return breaches(fields, of: definition) }
        return []
    }

    private func breaches(_ fields: Fields, of campaign: Campaign, isEnrolment: Bool) -> [Breach] {
        let name = "message_variation_id"
        guard let id = fields.string(name) else { return [] }
        guard let variation = campaign.variation(id) else {
            return [Breach("variation_unknown", name, "campaign \(campaign.id) has no variation \(id)")]
        }
        guard isEnrolment, !variation.isControl else { return [] }
        let message = "variation \(id) is no control; report its messages to /v1/track/sends"
        return [Breach("variation_not_control", name, message)]
    }

    private func breaches(_ fields: Fields, of canvas: Canvas) -> [Breach] {
        var breaches: [Breach] = []
        if let id = fields.string("canvas_variation_id") {
            if let variation = canvas.variation(id) {
                if case .boolean(let said)? = fields["in_control_group"], said != variation.isControl {
                    let message = "variation \(id) \(said ? "is no" : "is a") control"
                    breaches.append(Breach("control_differs", "in_control_group", message))
                }
            } else {
                let message = "canvas \(canvas.id) has no variation \(id)"
                breaches.append(Breach("variation_unknown", "canvas_variation_id", message))
            }
        }
        guard let id = fields.string("canvas_step_id") else { return breaches }
        guard let step = canvas.step(id) else {
            return breaches + [Breach("step_unknown", "canvas_step_id", "canvas \(canvas.id) has no step \(id)")]
        }
        let name = "canvas_step_message_variation_id"
        if let form = fields.string(name), !step.messageVariations.isEmpty, step.messageVariation(form) == nil {
            breaches.append(Breach("message_variation_unknown", name, "step \(id) has no message variation \(form)"))
        }
        return breaches
    }
}
