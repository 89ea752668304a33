extension DefinitionBook {
    /// How many items name something that nobody has defined for their time, by its kind.
    func undefined(in items: [ReportItem], arrived: Int64) -> [(kind: Definition.Kind, count: Int)] {
        Definition.Kind.allCases.compactMap { kind in
            let count = items.count { isUndefined(kind, in: $0.fields, at: $0.time ?? arrived) }
            return count > 0 ? (kind, count) : nil
        }
    }

    private func isUndefined(_ kind: Definition.Kind, in fields: Fields, at time: Int64) -> Bool {
        switch kind {
        case .campaign: fields.string("campaign_id").map { campaign($0, at: time) == nil } ?? false
        case .canvas: fields.string("canvas_id").map { canvas($0, at: time) == nil } ?? false
        case .group: fields.string("subscription_group_id").map { group($0, at: time) == nil } ?? false
        }
    }
}
